// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Tokens
/// @notice The one way tokens come in: a token that takes a fee on transfer would leave a ledger owing more than it holds, and is refused.
library Tokens {
    error Tokens_NotExact(uint256 received, uint256 wanted);

    function pull(IERC20 token, address from, uint256 amount) internal {
        uint256 before = token.balanceOf(address(this));
        SafeERC20.safeTransferFrom(token, from, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert Tokens_NotExact(received, amount);
    }
}
