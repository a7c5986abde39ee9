// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @notice An asset that anyone mints.
contract TestToken is ERC20("Test", "TEST") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @notice One that takes ERC-2612 permits.
contract PermitToken is TestToken, ERC20Permit("Test") {}

/// @notice An asset of the kind a deployment refuses: one unit of every transfer is lost on the way.
contract FeeToken is ERC20("Fee", "FEE") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(0xdead), 1);
    }
}
