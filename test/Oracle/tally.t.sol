// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Seats} from "../../src/libraries/Seats.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {OracleTest} from "./OracleTest.sol";

contract TallyTest is OracleTest {
    function test_RevertWhen_RoundOneIsNotOver() external {
        _seat(3);
        _show(ONE, 3, _uniform(3, 9000, 9000));
        vm.warp(block.timestamp - 1);
        Round from = _roundAfter(ONE, 2);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_TooEarly.selector, from.subRounds(1), from));
        oracle.tally(ONE, 0);
        vm.warp(block.timestamp + 1);
        oracle.tally(ONE, 0);
    }

    function test_RevertWhen_AThirdIsAbsent() external {
        _seat(9);
        _show(ONE, 6, _uniform(3, 9000, 9000));
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NotCounted.selector, ONE, 6, 9));
        oracle.tally(ONE, 0);
    }

    function test_RevertWhen_AThirdStopsHalfWay() external {
        _seat(9);
        bytes[] memory pages = _two(_uniform(3, 9000, 9000), _uniform(1, 9000, 9000));
        _after(ONE, 0);
        for (uint256 i; i < 9; ++i) {
            _commit(keepers[i], ONE, pages);
        }
        _after(ONE, 1);
        for (uint256 i; i < 9; ++i) {
            _reveal(keepers[i], ONE, pages, i < 6 ? 2 : 1);
        }
        _after(ONE, 2);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NotCounted.selector, ONE, 6, 9));
        oracle.tally(ONE, 0);
    }

    function testFuzz_RevertWhen_NoSuchPage(uint256 page) external {
        page = bound(page, 1, type(uint256).max);
        _seat(3);
        _show(ONE, 3, _uniform(3, 9000, 9000));
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NoSuchPage.selector, page, 1));
        oracle.tally(ONE, page);
    }

    function test_RevertWhen_Tallied() external {
        _seat(3);
        _show(ONE, 3, _uniform(3, 9000, 9000));
        oracle.tally(ONE, 0);
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_AlreadyTallied.selector, ONE, 0));
        oracle.tally(ONE, 0);
    }

    function test_StoresTheLowerMedians() external {
        _seat(4);
        bytes[][] memory pages = new bytes[][](4);
        // Operators: all four sampled; three did; two did, no more than half; availability ties; out of range is absent.
        pages[0] = _one(abi.encodePacked(_pair(9000, 100), _pair(1, 2), _pair(5, 5), _pair(8000, 50), _pair(10_000, 0)));
        pages[1] = _one(abi.encodePacked(_pair(9100, 400), _pair(3, 9), _pair(5, 5), _pair(8000, 50), _pair(10_000, 0)));
        pages[2] = _one(abi.encodePacked(_pair(9200, 300), _pair(2, 1), bytes4(0), _pair(8100, 60), _pair(10_000, 10_000)));
        pages[3] = _one(abi.encodePacked(_pair(9300, 200), bytes4(0), bytes4(0), _pair(8200, 60), _pair(10_001, 5)));
        _show(ONE, pages);
        oracle.tally(ONE, 0);
        _assertMetrics(1, ONE, 9100, 200);
        _assertMetrics(2, ONE, 2, 2);
        _assertNoMetrics(3, ONE, true);
        _assertMetrics(4, ONE, 8000, 50);
        _assertMetrics(5, ONE, 10_000, 0);
        _assertNoMetrics(6, ONE, true);
        assertEq(oracle.session(ONE).operators, 4);
    }

    function test_EmitsTallied() external {
        _seat(3);
        _show(ONE, 3, _uniform(9, 9000, 100));
        uint256[] memory medians = new uint256[](2);
        uint256 pair = 9001 << 16 | 101;
        for (uint256 i; i < 9; ++i) {
            medians[i / 8] |= pair << 32 * (i % 8);
        }
        vm.expectEmit(address(oracle));
        emit IOracle.Tallied(ONE, 0, medians, 9 | 9 << 24 | 9 << 48, 9, true);
        vm.prank(stranger);
        oracle.tally(ONE, 0);
    }

    function test_LeavesOutWhatAPartialRevealerShowed() external {
        _seat(4);
        bytes[][] memory pages = new bytes[][](4);
        pages[0] = _two(_uniform(3, 0, 0), _uniform(3, 0, 0));
        for (uint256 i = 1; i < 4; ++i) {
            pages[i] = _one(_uniform(3, uint16(8900 + 100 * i), 9000));
        }
        _after(ONE, 0);
        for (uint256 i; i < 4; ++i) {
            _commit(keepers[i], ONE, pages[i]);
        }
        _after(ONE, 1);
        for (uint256 i; i < 4; ++i) {
            _reveal(keepers[i], ONE, pages[i], 1);
        }
        _after(ONE, 2);
        oracle.tally(ONE, 0);
        IOracle.Session memory s = oracle.session(ONE);
        assertEq(s.revealers, 14);
        assertEq(s.pages, 1);
        assertEq(s.agreed, 3 << 24 | 3 << 48 | 3 << 72);
        // Of three values; with the fourth it would be 9000.
        _assertMetrics(1, ONE, 9100, 9000);
    }

    /// As many pages as the longest has, whoever reveals last; the others say nothing of what is beyond theirs.
    function test_TakesPagesOfUnequalCount() external {
        _seat(3);
        uint256 size = oracle.PAGE();
        bytes[][] memory pages = new bytes[][](3);
        pages[0] = _two(_uniform(size, 9000, 9000), _uniform(2, 9000, 9000));
        pages[1] = _two(_uniform(size, 9000, 9000), _uniform(1, 9000, 9000));
        pages[2] = _one(_uniform(size, 9000, 9000));
        _show(ONE, pages);
        assertEq(oracle.session(ONE).pages, 2);
        oracle.tally(ONE, 1);
        _assertMetrics(uint32(size + 1), ONE, 9000, 9000);
        _assertNoMetrics(uint32(size + 2), ONE, true);
        assertEq(oracle.session(ONE).agreed, 1 | 1 << 24);
    }

    /// H-ORC-1
    function testFuzz_HOrc1_AMinorityMovesNoMedianOutOfTheHonestRange(uint256 n, uint256 liars, uint256 seed) external {
        n = bound(n, 1, 9);
        liars = bound(liars, 0, (n - 1) / 2);
        _seat(n);
        (uint256 least, uint256 most) = (type(uint256).max, 0);
        bytes[][] memory pages = new bytes[][](n);
        for (uint256 i; i < n; ++i) {
            uint256 h = uint256(keccak256(abi.encode(seed, i)));
            uint256 up = i < liars ? h % 10_001 : 8000 + h % 500;
            if (i >= liars) (least, most) = (up < least ? up : least, up > most ? up : most);
            pages[i] = _one(_pair(uint16(up), uint16(up)));
        }
        _show(ONE, pages);
        oracle.tally(ONE, 0);
        (,, uint16 uptime, uint16 availability) = oracle.metrics(1, ONE);
        assertTrue(uptime >= least && uptime <= most);
        assertEq(uptime, availability);
    }

    function test_ScoresPageByPage() external {
        _seat(4);
        uint256 size = oracle.PAGE();
        bytes[][] memory pages = new bytes[][](4);
        for (uint256 i; i < 4; ++i) {
            pages[i] = _two(_uniform(size, 9000, 9000), _uniform(2, i == 3 ? 8499 : 9000, 9000));
        }
        _show(ONE, pages);
        oracle.tally(ONE, 1);
        assertEq(oracle.session(ONE).operators, 2);
        assertEq(oracle.session(ONE).agreed, 2 | 2 << 24 | 2 << 48);
        _after(Epoch.wrap(1), 5);
        vm.warp(block.timestamp - 1);
        oracle.tally(ONE, 0);
        assertEq(oracle.session(ONE).operators, size + 2);
        assertEq(Seats.get(oracle.session(ONE).agreed, 0), size + 2);
        assertEq(Seats.get(oracle.session(ONE).agreed, 3), size);
        _assertMetrics(uint32(size), ONE, 9000, 9000);
        _assertMetrics(uint32(size + 1), ONE, 9000, 9000);
    }

    function test_ScoresNobodyAfterRoundFour() external {
        _seat(3);
        _show(ONE, 3, _uniform(3, 9000, 9000));
        _after(ONE, 5);
        oracle.tally(ONE, 0);
        assertEq(oracle.session(ONE).operators, 0);
        assertEq(oracle.session(ONE).agreed, 0);
        _assertMetrics(3, ONE, 9000, 9000);
    }

    function _pair(uint16 uptimeBps, uint16 availabilityBps) private pure returns (bytes memory) {
        return _uniform(1, uptimeBps, availabilityBps);
    }

    function _two(bytes memory a, bytes memory b) private pure returns (bytes[] memory pages) {
        pages = new bytes[](2);
        (pages[0], pages[1]) = (a, b);
    }
}
