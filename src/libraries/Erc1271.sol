// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title Erc1271
/// @notice Asks a wallet that may be hostile whether it signed, at a bounded price: it gets so much gas and no more, cannot change state,
/// and of what it returns one word is read, however much there is.
library Erc1271 {
    error Erc1271_TooLittleGas(uint256 left);

    /// @dev Reverts rather than let the wallet have less than `gas_`: a caller short of gas, or an estimate that looks for the least gas with
    /// which a transaction goes through, would see a good signature refused.
    function isValid(address wallet, bytes32 digest, bytes calldata signature, uint256 gas_) internal view returns (bool valid) {
        bytes memory data = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 magic = IERC1271.isValidSignature.selector;
        // A call hands on 63/64 of what is left (EIP-150), after up to 2,600 for the address and a little more for the way there.
        if (gasleft() < gas_ + gas_ / 63 + 3_000) revert Erc1271_TooLittleGas(gasleft());
        // Safe: reads `data`, writes the first word of scratch space.
        assembly ("memory-safe") {
            let done := staticcall(gas_, wallet, add(data, 0x20), mload(data), 0x00, 0x20)
            valid := and(done, and(gt(returndatasize(), 0x1f), eq(mload(0x00), magic)))
        }
    }
}
