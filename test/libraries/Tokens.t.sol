// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

import {Tokens} from "../../src/libraries/Tokens.sol";
import {FeeToken, TestToken} from "../utils/Tokens.sol";

contract TokensTest is Test {
    address private payer = makeAddr("payer");

    function pull(IERC20 token, uint256 amount) external {
        Tokens.pull(token, payer, amount);
    }

    function testFuzz_TakesWhatItSays(uint128 had, uint128 amount) external {
        TestToken token = new TestToken();
        token.mint(address(this), had);
        token.mint(payer, amount);
        vm.prank(payer);
        token.approve(address(this), amount);
        this.pull(token, amount);
        assertEq(token.balanceOf(address(this)), uint256(had) + amount);
        assertEq(token.balanceOf(payer), 0);
    }

    function test_RevertWhen_LessArrives() external {
        FeeToken token = new FeeToken();
        token.mint(address(this), 7);
        token.mint(payer, 1000);
        vm.prank(payer);
        token.approve(address(this), 1000);
        vm.expectRevert(abi.encodeWithSelector(Tokens.Tokens_NotExact.selector, 999, 1000));
        this.pull(token, 1000);
    }
}
