// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAudits} from "../../src/interfaces/IAudits.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Mallory buries an operator in audits: every slot, every round, to make it miss one; or so many before an epoch's end that it cannot be
/// settled in time to have weight.
///
/// Bound: 32 a round, one per slot, each paid to the operator when it answers, at a price that governance keeps above the answer's gas. One
/// that is due in a round the operator missed is moved by anyone, so that by the next epoch's round 2 nothing keeps it from settling.
contract AuditSpamTest is BaseTest {
    uint256 private constant MOST = 32;
    uint256 private constant SLOTS = 33;

    uint32 private op;
    uint40[] private slots;

    function setUp() public override {
        super.setUp();
        vm.pauseGasMetering();
        op = _register(1000);
        for (uint256 i; i < SLOTS; ++i) {
            slots.push(_open(_publish(ONE_BLOCK), 1, 2));
            _accept(slots[i], 0, op);
        }
        _nextSeeded();
        for (uint256 i; i < SLOTS; ++i) {
            _activate(slots[i], 0);
        }
        _next();
    }

    /// Ten rounds of it: the operator is as clean as before, and richer by every fee.
    function test_SpamPaysItsVictim() external {
        uint256 wealth = asset.balanceOf(auditor);
        _seed();
        for (uint256 n; n < 10; ++n) {
            _auditAll();
            _nextSeeded();
            _prove(op);
            uint256 gas;
            for (uint256 i; i < MOST; ++i) {
                bytes memory proof = _words(market.order(slots[i]).contentId, audits.auditSeed(slots[i], 0));
                vm.prank(_prover(op));
                vm.resumeGasMetering();
                gas = gasleft();
                audits.answer(slots[i], 0, proof);
                gas -= gasleft();
                vm.pauseGasMetering();
            }
            if (n == 9) emit log_named_uint("gas of an answer, without its calldata", gas);
        }
        uint256 paid = 10 * MOST * AUDIT_FEE;
        assertEq(wealth - asset.balanceOf(auditor), paid, "cost");
        assertEq(audits.credit(_payout(op)), paid, "earned by the victim");
        assertEq(operators.operator(op).stake, 1000 * uint256(STAKE));
    }

    /// The victim is away in an epoch's last round, in which 32 audits are due. They move to the next epoch in its first rounds, by anyone, and
    /// the epoch is settled in time.
    function test_AuditsDoNotKeepAnEpochFromItsWeight() external {
        _to(Epoch.wrap(1), 28);
        _seed();
        _prove(op);
        _auditAll();
        _nextSeeded(); // round 29: away
        _to(Epoch.wrap(2), 2);
        vm.expectRevert(abi.encodeWithSignature("Settlement_AuditsPending(uint32,uint32,uint256)", op, 1, MOST));
        settlement.settle(op, Epoch.wrap(1));
        vm.startPrank(anyone);
        for (uint256 i; i < MOST; ++i) {
            vm.resumeGasMetering();
            uint256 gas = gasleft();
            audits.roll(slots[i], 0);
            gas -= gasleft();
            vm.pauseGasMetering();
            assertLt(gas, 100_000, "a hundred fit a transaction");
        }
        vm.stopPrank();
        settlement.settle(op, Epoch.wrap(1));
        assertGt(pool.share(op, Epoch.wrap(1)).merit, 0, "in time to weigh");
        // And they are answered where they went.
        _nextSeeded();
        for (uint256 i; i < MOST; ++i) {
            _answer(slots[i], 0);
        }
        assertEq(audits.credit(_payout(op)), MOST * AUDIT_FEE);
    }

    function _auditAll() private {
        for (uint256 i; i < MOST; ++i) {
            _audit(slots[i], 0);
        }
        vm.expectRevert(abi.encodeWithSelector(IAudits.Audits_TooMany.selector, op, _now(), MOST));
        _audit(slots[MOST], 0);
    }
}
