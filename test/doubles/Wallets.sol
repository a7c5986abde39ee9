// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";

/// @notice A wallet that says yes to what its owner signed.
contract OwnedWallet is IERC1271 {
    address private immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view virtual returns (bytes4) {
        return ECDSA.recoverCalldata(digest, signature) == OWNER ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @notice Says yes to everything, in more ways than one should.
contract HostileWallet {
    enum Way {
        Yes,
        BurnsGas,
        Reverts,
        RevertsWithMuch,
        ReturnsMuch, // the right word first
        ReturnsNothing,
        ReturnsAByteTooFew,
        SetsTheOtherBits, // the right selector, with more behind it
        ChangesState,
        RedeemsAgain,
        Withdraws
    }

    IRetrieval private immutable RETRIEVAL;
    Way private way;
    uint256 private counter;

    constructor(IRetrieval retrieval) {
        RETRIEVAL = retrieval;
    }

    function set(Way way_) external {
        way = way_;
    }

    fallback() external {
        bytes4 yes = IERC1271.isValidSignature.selector;
        if (way == Way.BurnsGas) {
            while (true) {}
        }
        if (way == Way.Reverts) revert("no");
        if (way == Way.ChangesState) ++counter;
        if (way == Way.RedeemsAgain) _redeem();
        if (way == Way.Withdraws) RETRIEVAL.requestWithdrawal(1);
        bool reverts = way == Way.RevertsWithMuch;
        uint256 size = 32;
        if (way == Way.ReturnsMuch || reverts) size = 200_000; // all that its gas buys
        else if (way == Way.ReturnsNothing) size = 0;
        else if (way == Way.ReturnsAByteTooFew) size = 31;
        bytes32 word = way == Way.SetsTheOtherBits ? bytes32(yes) | bytes32(uint256(1)) : bytes32(yes);
        assembly {
            mstore(0, word)
            if reverts { revert(0, size) }
            return(0, size)
        }
    }

    function _redeem() private {
        IRetrieval.SignedVoucher[] memory batch = new IRetrieval.SignedVoucher[](1);
        batch[0] = IRetrieval.SignedVoucher(address(this), 1, 100, 0, "");
        RETRIEVAL.redeem(address(this), batch);
    }
}
