// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Epoch} from "../../src/Types.sol";
import {UnrulyToken} from "../doubles/UnrulyToken.sol";
import {DrandSigner} from "../utils/DrandSigner.sol";
import {ProtocolOrders} from "./ProtocolOrders.sol";

/// @notice Those on whom everybody depends: governor, guardian, and the asset in its moods.
abstract contract ProtocolRulers is ProtocolOrders {
    // ---- Governor and guardian ----

    /// @dev One parameter, within its bounds or beyond them, of any size.
    function govern(uint256 r) public action {
        r = _mix(r);
        (address target, bytes memory call) = _decision(r % 10, r >> 8);
        _try("govern", governor, target, call);
    }

    function _decision(uint256 what, uint256 r) private view returns (address, bytes memory) {
        uint256 x = _ofAnySize(r);
        uint16 bps = uint16((r >> 64) % 11_000);
        if (what == 0) return (address(market), abi.encodeCall(market.setTerms, (uint64(x % 2e18), bps)));
        if (what == 1) return (address(operators), abi.encodeCall(operators.setStakePerChunk, (uint64(x % 3e13))));
        if (what == 2) return (address(audits), abi.encodeCall(audits.setAuditFee, (uint96(x % 2e24))));
        if (what == 3) return (address(pool), abi.encodeCall(pool.setShares, (bps / 8, uint16(r >> 96) % 1500)));
        if (what == 4) return (address(oracle), abi.encodeCall(oracle.setKeeperBond, (uint96(x % 2e24))));
        if (what == 5) {
            IOracle.Rules memory rules = IOracle.Rules(uint16(r >> 96) % 2100, 5000 + bps / 2, bps);
            return (address(oracle), abi.encodeCall(oracle.setRules, (rules)));
        }
        if (what == 6) return (address(retrieval), abi.encodeCall(retrieval.setTerms, (bps / 10, uint96(x % 2e18))));
        if (what == 7) return (address(catalog), abi.encodeCall(catalog.setPublishBond, (uint128(x % 2e24))));
        if (what == 8) return (address(pool), abi.encodeCall(pool.setTreasury, (r % 2 == 0 ? treasury : anyone)));
        bytes memory next = DrandSigner.publicKey(SECRET);
        Epoch from = _epoch().addEpochs(uint32(r % 3));
        return (address(beacon), abi.encodeCall(beacon.succeed, (from, next, GENESIS - r % 1e6, bps % 60)));
    }

    /// @dev Intake stops and goes on; nothing else stops with it.
    function pauseOrUnpause(uint256 r) public action {
        r = _mix(r);
        address[3] memory intakes = [address(market), address(operators), address(retrieval)];
        bool pauses = !Pausable(intakes[r % 3]).paused() && (r >> 8) % 4 == 0;
        bytes memory call = pauses ? abi.encodeCall(market.pause, ()) : abi.encodeCall(market.unpause, ());
        _try(pauses ? bytes32("pause") : bytes32("unpause"), guardian, intakes[r % 3], call);
    }

    // ---- The asset ----

    /// @dev Some actions while the asset behaves in one of its ways. Then it is calm again, but somebody may stay blocked.
    function unrulyAsset(uint256 r) public action {
        r = _mix(r);
        UnrulyToken.Mood mood = UnrulyToken.Mood((r >> 8) % 5);
        if (blocked != address(0)) token.setBlocked(blocked, false);
        blocked = (r >> 16) % 3 != 0 ? address(0) : _somebody(r >> 24);
        if (blocked != address(0)) token.setBlocked(blocked, true);
        // What has taken no fee so far and begins to is refused where it comes in.
        if (mood == UnrulyToken.Mood.Taxing) return _tax(r);
        token.setMood(mood);
        for (uint256 i; i < 6; ++i) {
            r = uint256(keccak256(abi.encode(r)));
            _anyMove(r);
        }
        token.setMood(UnrulyToken.Mood.Calm);
    }

    function _tax(uint256 r) private {
        token.setMood(UnrulyToken.Mood.Taxing);
        bytes4 refusal = bytes4(keccak256("Tokens_NotExact(uint256,uint256)"));
        address[2] memory targets = [address(operators), address(retrieval)];
        bytes[2] memory calls = [
            abi.encodeCall(operators.addStake, (1, uint96(r % 1e9 + 1))), abi.encodeCall(retrieval.deposit, (anyone, uint96(r % 1e9 + 1)))
        ];
        address payer = agents[2].owner;
        for (uint256 i; i < 2; ++i) {
            vm.prank(payer);
            (bool ok, bytes memory result) = targets[i].call(calls[i]);
            bool excused = blocked == payer || retrieval.paused();
            assertTrue(!ok && (bytes4(result) == refusal || excused), "a fee on transfer is refused");
        }
        token.setMood(UnrulyToken.Mood.Calm);
        ++done["taxed"];
    }

    /// @dev Something that moves money.
    function _anyMove(uint256 r) internal virtual;

    /// @dev The token's call back, in the middle of a move: the same once more, or something else that is owed to somebody.
    function tokenMoves(address, address) external {
        require(msg.sender == address(token), "not the asset");
        if (inHook) return;
        inHook = true;
        uint256 r = uint256(keccak256(abi.encode(done["again"], done["reentered"], block.timestamp)));
        if (r % 3 == 0) _again();
        else _reenter(r >> 8);
        inHook = false;
    }

    function _reenter(uint256 r) private {
        uint256 what = r % 10;
        uint32 op = uint32((r >> 8) % operators.count() + 1);
        uint256 id = (r >> 16) % (uint256(market.count()) + 1);
        (address from, address target, bytes memory call) = (anyone, address(retrieval), bytes(""));
        if (what == 0) call = abi.encodeCall(retrieval.sendTake, ());
        else if (what == 1) call = abi.encodeCall(retrieval.collect, (agents[op].payout));
        else if (what == 2) (from, call) = (payers[r % 3], abi.encodeCall(retrieval.withdraw, (payers[r % 3])));
        else if (what == 3) (target, call) = (address(pool), abi.encodeCall(pool.withdrawTreasury, ()));
        else if (what == 4) (from, target, call) = (uploader, address(market), abi.encodeCall(market.withdraw, (uint40(id), uploader)));
        else if (what == 5) (from, target, call) = (agents[op].payout, address(audits), abi.encodeCall(audits.withdraw, ()));
        else if (what == 6) (from, target, call) = (auditor, address(audits), abi.encodeCall(audits.withdraw, ()));
        else if (what == 7) (from, target, call) = (agents[op].owner, address(operators), abi.encodeCall(operators.addStake, (op, 1e9)));
        else if (what == 8) (target, call) = (address(operators), abi.encodeCall(operators.claim, (op, Epoch.wrap(nextToFreeze - 1))));
        else (from, call) = (payers[r % 3], abi.encodeCall(retrieval.deposit, (payers[r % 3], 1e9)));
        _try("reentered", from, target, call);
    }

    function _somebody(uint256 r) private view returns (address) {
        uint256 who = r % 8;
        if (who == 0) return uploader;
        if (who == 1) return auditor;
        if (who == 2) return treasury;
        if (who == 3) return publisher.addr;
        if (who == 4) return payers[(r >> 8) % 3];
        if (who == 5) return keepers[(r >> 8) % keepers.length];
        Agents storage a = agents[uint32((r >> 8) % operators.count() + 1)];
        return who == 6 ? a.payout : a.owner;
    }

    /// @dev As often small as large.
    function _ofAnySize(uint256 r) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(r))) >> 160 + r % 90;
    }
}
