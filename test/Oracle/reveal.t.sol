// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {OracleTest} from "./OracleTest.sol";

contract RevealTest is OracleTest {
    function testFuzz_RevertWhen_NotRoundOne(uint32 n) external {
        _seat(3);
        bytes[] memory pages = _one(_uniform(3, 9000, 9000));
        _after(ONE, 0);
        _commit(keepers[0], ONE, pages);
        Round wanted = _roundAfter(ONE, 1);
        Round round = Round.wrap(uint32(bound(n, 30, 200)));
        vm.assume(round != wanted);
        vm.warp(_start(round));
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_WrongRound.selector, round, wanted));
        vm.prank(keepers[0]);
        oracle.reveal(ONE, pages[0], _salt(keepers[0]));
    }

    function test_RevertWhen_NotCommitted() external {
        _seat(3);
        _after(ONE, 1);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NoCommitment.selector, ONE, keepers[0]));
        vm.prank(keepers[0]);
        oracle.reveal(ONE, "", 0);
    }

    function test_RevertWhen_EverythingIsRevealed() external {
        _seat(3);
        _committed(_one(_uniform(3, 9000, 9000)));
        _reveal(keepers[0], ONE, _one(_uniform(3, 9000, 9000)), 1);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_AllRevealed.selector, ONE, keepers[0]));
        vm.prank(keepers[0]);
        oracle.reveal(ONE, _uniform(3, 9000, 9000), _salt(keepers[0]));
    }

    function test_RevertWhen_TheLengthIsWrong() external {
        _seat(3);
        uint256 most = 4 * oracle.PAGE();
        uint256[4] memory lengths = [uint256(1), 7, most + 1, most + 4];
        for (uint256 i; i < lengths.length; ++i) {
            // Committed to or not, such a page cannot be revealed.
            _committed(_one(new bytes(lengths[i])));
            vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_WrongLength.selector, lengths[i], most));
            vm.prank(keepers[0]);
            oracle.reveal(ONE, new bytes(lengths[i]), _salt(keepers[0]));
        }
    }

    function testFuzz_RevertWhen_OtherValuesOrSalt(uint256 at_, bytes1 change, bytes32 salt) external {
        _seat(3);
        bytes memory page = _uniform(8, 9000, 9000);
        _committed(_one(page));
        vm.assume(change != 0 && salt != _salt(keepers[0]));
        page[at_ % page.length] ^= change;
        _expectWrongLink(keepers[0], ONE, 0, page, _salt(keepers[0]));
        page[at_ % page.length] ^= change;
        _expectWrongLink(keepers[0], ONE, 0, page, salt);
        _expectWrongLink(keepers[0], ONE, 0, _uniform(7, 9000, 9000), _salt(keepers[0]));
    }

    function test_RevertWhen_PagesOutOfOrder() external {
        _seat(3);
        bytes[] memory pages = _three();
        _committed(pages);
        bytes32[] memory links = _links(keepers[0], ONE, pages);
        _expectWrongLink(keepers[0], ONE, 0, pages[1], links[2]);
        _reveal(keepers[0], ONE, pages, 1);
        _expectWrongLink(keepers[0], ONE, 1, pages[0], links[1]);
        _expectWrongLink(keepers[0], ONE, 1, pages[2], links[3]);
    }

    /// H-ORC-3: who copies a commitment cannot reveal it, not even with the values and the salt, once those are shown.
    function test_HOrc3_RevertWhen_TheCommitmentIsCopied() external {
        _seat(3);
        bytes[] memory pages = _one(_uniform(3, 9000, 9000));
        _after(ONE, 0);
        _commit(keepers[0], ONE, pages);
        bytes32 copied = oracle.commitment(ONE, keepers[0]).link;
        vm.prank(keepers[1]);
        oracle.commit(ONE, copied, 1);
        _after(ONE, 1);
        _reveal(keepers[0], ONE, pages, 1);
        _expectWrongLink(keepers[1], ONE, 0, pages[0], _salt(keepers[0]));

        _after(ONE, 2);
        oracle.forfeit(ONE, keepers[1]);
        assertEq(oracle.keeper(keepers[1]).bond, BOND - BOND / 5);
    }

    function test_RevertWhen_TheCommitmentIsOfAnotherEpoch() external {
        _seat(3);
        bytes[] memory pages = _one(_uniform(3, 9000, 9000));
        bytes32 head = _links(keepers[0], ONE, pages)[0];
        _after(Epoch.wrap(2), 0);
        vm.prank(keepers[0]);
        oracle.commit(Epoch.wrap(2), head, 1);
        _after(Epoch.wrap(2), 1);
        _expectWrongLink(keepers[0], Epoch.wrap(2), 0, pages[0], _salt(keepers[0]));
    }

    function test_KeepsTheValuesAsCode() external {
        _seat(3);
        bytes[] memory pages = _three();
        _committed(pages);
        bytes32[] memory links = _links(keepers[0], ONE, pages);
        for (uint256 p; p < 3; ++p) {
            vm.recordLogs();
            _reveal(keepers[0], ONE, pages, p, links);
            Vm.Log[] memory logs = vm.getRecordedLogs();
            assertEq(logs.length, 1);
            assertEq(logs[0].topics[0], IOracle.Revealed.selector);
            (uint256 page, address data) = abi.decode(logs[0].data, (uint256, address));
            assertEq(page, p);
            assertEq(data.code, abi.encodePacked(hex"00", pages[p]));
            assertEq(oracle.commitment(ONE, keepers[0]).revealed, p + 1);
            assertEq(oracle.session(ONE).revealers, p == 2 ? 1 : 0);
        }
        assertEq(oracle.session(ONE).pages, 3);
    }

    /// More than two thirds of the seats, and not one less.
    function testFuzz_CountsTheEpochAboveTwoThirds(uint256 seats, uint256 revealers, bool partly) external {
        seats = bound(seats, 1, 9);
        revealers = bound(revealers, 0, seats);
        _seat(seats);
        bytes[] memory pages = _three();
        _after(ONE, 0);
        for (uint256 i; i < seats; ++i) {
            _commit(keepers[i], ONE, pages);
        }
        _after(ONE, 1);
        for (uint256 i; i < seats; ++i) {
            _reveal(keepers[i], ONE, pages, i < revealers ? 3 : partly ? 2 : 0);
        }
        assertEq(oracle.session(ONE).counted, revealers * 3 > seats * 2);
        assertEq(oracle.session(ONE).revealers, 2 ** revealers - 1);
    }

    function _three() private pure returns (bytes[] memory pages) {
        pages = new bytes[](3);
        (pages[0], pages[1], pages[2]) = (_uniform(9, 9000, 9000), "", _uniform(2, 100, 200));
    }

    /// @dev The first keeper commits; then it is round 1.
    function _committed(bytes[] memory pages) private {
        _after(ONE, 0);
        _commit(keepers[0], ONE, pages);
        _after(ONE, 1);
    }

    function _reveal(address keeper, Epoch epoch, bytes[] memory pages, uint256 p, bytes32[] memory links) private {
        vm.prank(keeper);
        oracle.reveal(epoch, pages[p], links[p + 1]);
    }

    function _expectWrongLink(address keeper, Epoch epoch, uint256 page, bytes memory values, bytes32 next) private {
        bytes32 link = oracle.linkOf(keeper, epoch, page, values, next);
        bytes32 committed = oracle.commitment(epoch, keeper).link;
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_WrongLink.selector, link, committed));
        vm.prank(keeper);
        oracle.reveal(epoch, values, next);
    }
}
