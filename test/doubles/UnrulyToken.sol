// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestToken} from "../utils/Tokens.sol";

/// @notice Who an UnrulyToken calls while it moves.
interface ITokenHook {
    function tokenMoves(address from, address to) external;
}

/// @notice An asset that misbehaves when told to, in the ways assets do.
contract UnrulyToken is TestToken {
    enum Mood {
        Calm,
        Mute, // moves, and returns nothing
        Refusing, // returns false, and moves nothing
        Taxing, // one unit of every transfer is lost on the way
        Calling // calls the hook before and after every move, as ERC-777 calls sender and receiver
    }

    ITokenHook private immutable HOOK;

    Mood public mood;
    mapping(address account => bool) public isBlocked;

    error UnrulyToken_Blocked(address account);

    constructor(ITokenHook hook) {
        HOOK = hook;
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    /// @notice A blocked account neither sends nor receives.
    function setBlocked(address account, bool blocked) external {
        isBlocked[account] = blocked;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (mood == Mood.Refusing) return false;
        super.transfer(to, amount);
        return _done();
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (mood == Mood.Refusing) return false;
        super.transferFrom(from, to, amount);
        return _done();
    }

    function _done() private view returns (bool) {
        if (mood == Mood.Mute) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (isBlocked[from]) revert UnrulyToken_Blocked(from);
        if (isBlocked[to]) revert UnrulyToken_Blocked(to);
        bool moves = from != address(0) && to != address(0);
        bool calls = moves && mood == Mood.Calling;
        if (calls) HOOK.tokenMoves(from, to);
        super._update(from, to, amount);
        if (calls) HOOK.tokenMoves(from, to);
        if (moves && mood == Mood.Taxing) super._update(to, address(0xdead), 1);
    }
}
