// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Test} from "forge-std/Test.sol";

import {Erc1271} from "../../src/libraries/Erc1271.sol";

/// @notice Answers as it is told to, whatever it is asked.
contract ToldWallet {
    bytes private answer;
    bool private fails;

    function tell(bytes calldata answer_, bool fails_) external {
        (answer, fails) = (answer_, fails_);
    }

    fallback(bytes calldata) external returns (bytes memory) {
        bytes memory told = answer;
        if (!fails) return told;
        assembly ("memory-safe") {
            revert(add(told, 32), mload(told))
        }
    }
}

/// @notice Says yes if it has the gas it is owed.
contract MeasuringWallet is IERC1271 {
    uint256 private immutable OWED;

    constructor(uint256 owed) {
        OWED = owed;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        // All but what it took to get here.
        return gasleft() + 1000 > OWED && gasleft() <= OWED ? this.isValidSignature.selector : bytes4(0);
    }
}

contract Erc1271Test is Test {
    uint256 private constant GAS = 50_000;
    bytes32 private constant DIGEST = "digest";
    bytes private constant SIGNATURE = "signature";

    ToldWallet private wallet = new ToldWallet();

    function isValid(address wallet_, bytes calldata signature) external view returns (bool) {
        return Erc1271.isValid(wallet_, DIGEST, signature, GAS);
    }

    function test_AsksForTheDigestAndTheSignature() external {
        vm.expectCall(address(wallet), abi.encodeCall(IERC1271.isValidSignature, (DIGEST, SIGNATURE)));
        this.isValid(address(wallet), SIGNATURE);
    }

    /// The one word that means yes, to its last bit; and nothing shorter, nothing that reverts, nobody without code.
    function test_IsValidWhen_TheWalletSaysSo() external {
        bytes32 yes = IERC1271.isValidSignature.selector;
        _check(abi.encode(yes), false, true);
        _check(abi.encode(yes, "more"), false, true);
        _check(abi.encode(yes), true, false);
        _check(abi.encodePacked(bytes31(yes)), false, false);
        _check("", false, false);
        _check(abi.encode(bytes32(uint256(yes) | 1)), false, false);
        _check(abi.encode(bytes32(0)), false, false);
        _check(abi.encode(true), false, false);
        assertFalse(this.isValid(makeAddr("nobody"), SIGNATURE));
    }

    /// What an earlier answer left in scratch space is none.
    function testFuzz_IsNotValidWhen_NothingIsAnswered(bytes memory less) external {
        vm.assume(less.length < 32);
        _check(abi.encode(IERC1271.isValidSignature.selector), false, true);
        _check(less, false, false);
    }

    function test_TheWalletHasItsGasOrTheCallReverts() external {
        address measuring = address(new MeasuringWallet(GAS));
        assertTrue(this.isValid(measuring, SIGNATURE));
        for (uint256 given = 52_000; given < 62_000; given += 50) {
            (bool done, bytes memory answer) = address(this).call{gas: given}(abi.encodeCall(this.isValid, (measuring, SIGNATURE)));
            if (done) assertTrue(abi.decode(answer, (bool)), "asked with less than it is owed");
            else if (answer.length != 0) assertEq(bytes4(answer), Erc1271.Erc1271_TooLittleGas.selector);
        }
        vm.expectPartialRevert(Erc1271.Erc1271_TooLittleGas.selector);
        this.isValid{gas: 53_500}(measuring, SIGNATURE);
        assertTrue(this.isValid{gas: 60_000}(measuring, SIGNATURE));
    }

    function _check(bytes memory answer, bool fails, bool expected) private {
        wallet.tell(answer, fails);
        assertEq(this.isValid(address(wallet), SIGNATURE), expected);
    }
}
