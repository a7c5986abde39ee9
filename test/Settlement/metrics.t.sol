// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {IPool} from "../../src/interfaces/IPool.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Epoch, WAD} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice H-ORC-2: what the keepers' medians reach, and what they do not.
contract MetricsTest is BaseTest {
    Epoch private constant E = Epoch.wrap(2);
    address[3] private keepers;
    uint32 private op;
    uint32 private absent;
    uint40 private order;

    /// @dev A committee that sits from epoch 2 on, an operator that has proven all of it, and one that has proven nothing. Now it is the
    /// first round of epoch 3, and an audit is under way.
    function setUp() public override {
        super.setUp();
        for (uint256 i; i < 3; ++i) {
            keepers[i] = makeAddr(string.concat("keeper ", vm.toString(i)));
            _fund(keepers[i]);
            vm.prank(governor);
            oracle.admit(keepers[i]);
            vm.prank(keepers[i]);
            oracle.join();
        }
        (op, absent) = (_register(1000), _register(1000));
        uint32 content = _publish(MANY_CHUNKS);
        order = _open(content, 2, 3);
        _accept(order, 0, op);
        _accept(order, 1, absent);
        _nextSeeded();
        _activate(order, 0);
        _activate(order, 1);
        _next();
        _proveToEnd(op);
        _proveToEnd(op);
        settlement.settle(op, Epoch.wrap(1));
        settlement.settle(absent, Epoch.wrap(1));
        settlement.freeze(Epoch.wrap(1));
        _audit(order, 0);
    }

    function test_HOrc2_TheWorstMediansTake60PercentOfReliabilityAndNothingFinal() external {
        bytes32 before = _books();
        uint256 standing = _reputation(op);
        ISettlement.Outcome memory o = _settleWith(0, 0);
        assertEq(o.retention, WAD);
        assertEq(o.reliability, 0.4e18);
        assertEq(_books(), before, "stake, reservations, deposits, fees, audit fees in flight");
        // One epoch of it is a seventh of the way, not the end.
        assertApproxEqAbs(o.reputation, standing - (standing - 0.4e18) / 7, 1e4);
        assertTrue(o.weighed);
    }

    function test_HOrc2_TheBestMediansDoNotHideRoundsMissed() external {
        ISettlement.Outcome memory o = _settleWith(10_000, 10_000);
        assertEq(o.reliability, WAD);
        o = _settle(absent);
        assertEq(o.clean, 0);
        // u = 0 whatever the keepers say.
        assertApproxEqAbs(o.reliability, (40 * o.retention + 30 * WAD) / 100, 1e4);
        assertLt(o.reputation, 0.02e18);
    }

    function test_HOrc2_TheUploadersMoneyIsTheSameWhateverTheySay() external {
        uint256 snapshot = vm.snapshotState();
        _settleWith(10_000, 10_000);
        _freeze(E);
        (uint256 scheduled, uint256 escrow, uint256 net) = (pool.scheduled(), market.accounted(), pool.epochFees(E).net);
        uint256 most = operators.claim(op, E);
        vm.revertToState(snapshot);
        _settleWith(0, 0);
        _freeze(E);
        assertEq(pool.scheduled(), scheduled);
        assertEq(market.accounted(), escrow);
        assertEq(pool.epochFees(E).net, net);
        // The only one to share: the own-fee cap is what it gets either way.
        assertEq(operators.claim(op, E), most);
    }

    /// H-ORC-2: nobody is settled before the page that speaks of it is tallied.
    function test_HOrc2_RevertWhen_TheEpochIsNotTallied() external {
        _reveal(9000, 9000);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.Settlement_NotTallied.selector, op, E));
        settlement.settle(op, E);
        oracle.tally(E, 0);
        settlement.settle(op, E);
    }

    /// H-ORC-3: each seat that agreed, whoever calls, once.
    function test_HOrc3_PaysAKeepersSeatOnce() external {
        _settleWith(10_000, 10_000);
        _freeze(E);
        uint256 pay = pool.epochFees(E).keeperPay;
        assertGt(pay, 0);
        for (uint256 seat; seat < 3; ++seat) {
            address keeper = oracle.keeperAt(E, seat);
            uint256 before = asset.balanceOf(keeper);
            vm.prank(anyone);
            assertEq(oracle.payKeeper(E, seat), pay);
            assertEq(asset.balanceOf(keeper), before + pay);
            vm.expectRevert(abi.encodeWithSelector(IPool.Pool_KeeperNotOwed.selector, E, seat));
            oracle.payKeeper(E, seat);
        }
        vm.expectRevert(abi.encodeWithSelector(IOracle.Oracle_NoSuchSeat.selector, E, 3));
        oracle.payKeeper(E, 3);
    }

    /// @dev Everything in which money is, but what is settled itself.
    function _books() private view returns (bytes32) {
        (uint256 chunks, uint256 stake) = operators.reservedNow(op);
        return keccak256(
            abi.encode(
                operators.operator(op).stake,
                chunks,
                stake,
                market.order(order),
                market.slot(order, 0),
                market.accounted(),
                pool.scheduled(),
                audits.audit(order, 0),
                audits.accounted(),
                pool.accounted()
            )
        );
    }

    /// @dev All keepers say the same of the operator; then it is settled.
    function _settleWith(uint16 uptimeBps, uint16 availabilityBps) private returns (ISettlement.Outcome memory) {
        _reveal(uptimeBps, availabilityBps);
        oracle.tally(E, 0);
        return _settle(op);
    }

    /// @dev Ends in the round in which it can be tallied.
    function _reveal(uint16 uptimeBps, uint16 availabilityBps) private {
        bytes memory values = abi.encodePacked(uptimeBps + 1, availabilityBps + 1, uptimeBps + 1, availabilityBps + 1);
        for (uint256 i; i < 3; ++i) {
            bytes32 link = oracle.linkOf(keepers[i], E, 0, values, "salt");
            vm.prank(keepers[i]);
            oracle.commit(E, link, 1);
        }
        _next();
        for (uint256 i; i < 3; ++i) {
            vm.prank(keepers[i]);
            oracle.reveal(E, values, "salt");
        }
        _next();
    }

    function _settle(uint32 operatorId) private returns (ISettlement.Outcome memory) {
        vm.recordLogs();
        settlement.settle(operatorId, E);
        return abi.decode(vm.getRecordedLogs()[0].data, (ISettlement.Outcome));
    }
}
