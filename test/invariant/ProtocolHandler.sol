// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IPool} from "../../src/interfaces/IPool.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Epoch, Round, ROUNDS} from "../../src/Types.sol";
import {UnrulyToken} from "../doubles/UnrulyToken.sol";
import {ProtocolRulers} from "./ProtocolRulers.sol";

/// @notice Everybody, in any order.
///
/// An action tries something that the protocol may refuse, but only by one of its own errors: an arithmetic error or a failed assertion is a
/// bug wherever it comes up.
contract ProtocolHandler is ProtocolRulers {
    // ---- Actions ----

    /// @dev When an epoch nears its end, mostly in the rounds that are for it, and then most operators settle.
    function settleAndFreeze(uint256 r) public action {
        r = _mix(r);
        bool inTime = _now().index() >= 15 && r % 4 != 0;
        if (inTime) _report(r);
        for (uint32 op = 1; op <= operators.count(); ++op) {
            for (uint256 i; i < 3 && r >> op & 3 != 0; ++i) {
                _settleSome(op);
            }
        }
        if (inTime) _goTo(_epoch(), 5);
        for (uint256 i; i < 3; ++i) {
            _freezeSome();
        }
    }

    /// @dev H-EPOCH-2: nobody gets more than its own fees less the shares.
    function claim(uint256 r) public action {
        r = _mix(r);
        for (uint32 e = firstUnclaimed; e < nextToFreeze; ++e) {
            for (uint32 op = 1; op <= operators.count(); ++op) {
                IPool.Share memory s = pool.share(op, Epoch.wrap(e));
                if (s.merit == 0 || r >> op & 1 == 0) continue;
                uint256 before = asset.balanceOf(agents[op].payout);
                if (!_try("claim", anyone, address(operators), abi.encodeCall(operators.claim, (op, Epoch.wrap(e))))) continue;
                uint256 most = uint256(s.fees) * (10_000 - pool.epochFees(Epoch.wrap(e)).sharesBps) / 10_000;
                // What was called back in between may have paid it more, of other epochs and other kinds.
                if (token.mood() != UnrulyToken.Mood.Calling) assertLe(asset.balanceOf(agents[op].payout) - before, most);
            }
        }
        while (firstUnclaimed < nextToFreeze && _unclaimedOf(firstUnclaimed) == 0) ++firstUnclaimed;
    }

    /// @dev More stake, more or less capacity, or another operator.
    function topUp(uint256 r) public action {
        r = _mix(r);
        uint32 n = operators.count();
        uint32 op = uint32(r % n + 1);
        address owner = agents[op].owner;
        uint32 capacity = uint32((r >> 16) % 1000 + 100);
        bytes memory call = abi.encodeCall(operators.addStake, (op, uint96(_ofAnySize(r >> 8) % 1e20)));
        _must("topUp", owner, address(operators), call);
        _try("setCapacity", owner, address(operators), abi.encodeCall(operators.setCapacity, (op, capacity)));
        if (n == OPERATORS || (r >> 8) % 4 == 0) return;
        _fund(_owner(n + 1));
        call = abi.encodeCall(operators.register, (capacity, _payout(n + 1), _prover(n + 1), ""));
        if (!_try("register", _owner(n + 1), address(operators), call)) return;
        _enlist(n + 1);
        Agents storage a = agents[n + 1];
        vm.prank(a.owner);
        operators.setKeys(n + 1, a.owner, a.prover, 600, a.payout);
    }

    /// @dev The third and the sixth of the operators may leave, late.
    function exit(uint256 r) public action {
        r = _mix(r);
        if (market.count() < 6) return;
        if (r % 16 == 0) _goTo(_epoch().addEpochs(1), 3);
        for (uint32 op = 3; op <= operators.count(); op += 3) {
            _try("exit", agents[op].owner, address(operators), abi.encodeCall(operators.requestExit, (op)));
            _try("leave", agents[op].owner, address(operators), abi.encodeCall(operators.withdraw, (op, anyone)));
        }
    }

    function treasuryDraws(uint256) public action {
        _must("treasuryDraws", anyone, address(pool), abi.encodeCall(pool.withdrawTreasury, ()));
    }

    function donate(uint256 r) public action {
        r = _mix(r);
        uint256 amount = (r >> 8) % 1e18;
        if (blocked != address(0)) token.setBlocked(blocked, false);
        blocked = address(0);
        asset.mint(ledgers[r % 7], amount);
        donated[ledgers[r % 7]] += amount;
        ++steps;
    }

    function _anyMove(uint256 r) internal override {
        uint256 what = r % 17;
        r >>= 8;
        if (what == 0) open(r);
        else if (what == 1) publish(r);
        else if (what == 2) withdrawPublishersBond(r);
        else if (what == 3) member(r);
        else if (what == 4) keepersDues(r);
        else if (what == 5) drawCredit(r);
        else if (what == 6) deposit(r);
        else if (what == 7) collect(r);
        else if (what == 8) audit(r);
        else if (what == 9) rollOrClose(r);
        else if (what == 10) reportLoss(r);
        else if (what == 11) unwind(r);
        else if (what == 12) withdrawDeposit(r);
        else if (what == 13) settleAndFreeze(r);
        else if (what == 14) claim(r);
        else if (what == 15) disprove(r);
        else topUp(r);
    }

    // ---- The end of the world ----

    /// @dev Lets every term run out and pays everything that is owed to anybody. Nothing of it may be refused: neither a pause nor somebody
    /// whom the asset blocks is in the others' way.
    function runDown() external {
        // Seven epochs later even withheld claims are the treasury's.
        uint32 end = Epoch.unwrap(_epoch());
        for (uint40 id = 1; id <= market.count(); ++id) {
            if (lastRound[id] / ROUNDS > end) end = lastRound[id] / ROUNDS;
        }
        _unwindAll();
        _resignAll();
        _goTo(Epoch.wrap(end + 8), 6);
        for (uint32 e = 1; e <= end; ++e) {
            _tally(Epoch.wrap(e));
        }
        _rollAndClose();
        _unwindAll(); // also what was audited when it was disproved
        for (uint32 op = 1; op <= operators.count(); ++op) {
            for (uint32 e = 1; e <= end; ++e) {
                _settleSome(op);
            }
            assertTrue(pool.settledThrough(op, Epoch.wrap(end)), "all is settled");
        }
        for (uint32 e = nextToFreeze; e <= end; ++e) {
            _freezeSome();
        }
        if (blocked != address(0)) token.setBlocked(blocked, false);
        blocked = address(0);
        for (uint32 e = firstUnclaimed; e <= end; ++e) {
            for (uint32 op = 1; op <= operators.count(); ++op) {
                IPool.Share memory s = pool.share(op, Epoch.wrap(e));
                if (uint256(s.fees) * s.merit / pool.MERIT() != 0) operators.claim(op, Epoch.wrap(e));
            }
        }
        for (uint40 id = 1; id <= market.count(); ++id) {
            vm.prank(uploader);
            market.withdraw(id, uploader);
            assertEq(market.order(id).balance, 0, "an order is empty");
        }
        for (uint32 id = 1; id <= catalog.count(); ++id) {
            if (published[id].bond == 0) continue;
            catalog.withdrawBond(id);
            published[id].bond = 0;
        }
        _payKeepers(type(uint256).max);
        _withdrawAllBonds();
        _payersLeave();
        pool.withdrawTreasury();
        _try("drawCredit", auditor, address(audits), abi.encodeCall(audits.withdraw, ()));
        for (uint32 op = 1; op <= operators.count(); ++op) {
            Agents storage a = agents[op];
            _try("drawCredit", a.payout, address(audits), abi.encodeCall(audits.withdraw, ()));
            if (Round.unwrap(operators.operator(op).exitRequested) != 0) continue;
            vm.prank(a.owner);
            operators.requestExit(op);
        }
        _goTo(_epoch().addEpochs(7), 0);
        for (uint32 op = 1; op <= operators.count(); ++op) {
            vm.prank(agents[op].owner);
            operators.withdraw(op, agents[op].owner);
        }
    }

    /// @dev By all contracts that hold money.
    function owed() external view returns (uint256) {
        return market.accounted() + pool.accounted() + audits.accounted() + oracle.accounted() + operators.accounted()
            + retrieval.accounted() + catalog.accounted();
    }

    // ---- Steps ----

    /// @dev The next epoch of an operator that can be settled, checked against the model.
    function _settleSome(uint32 op) private {
        uint32 e = unsettled[op] == 0 ? 1 : unsettled[op];
        while (e < Epoch.unwrap(_epoch()) && pool.settledThrough(op, Epoch.wrap(e))) ++e;
        if (e == Epoch.unwrap(_epoch())) return;
        vm.recordLogs();
        if (!_try("settle", anyone, address(settlement), abi.encodeCall(settlement.settle, (op, Epoch.wrap(e))))) return;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[logs.length - 1].topics[0], ISettlement.Settled.selector);
        unsettled[op] = e + 1;
        _checkSettled(op, e, abi.decode(logs[logs.length - 1].data, (ISettlement.Outcome)));
    }

    function _freezeSome() private {
        bytes memory call = abi.encodeCall(settlement.freeze, (Epoch.wrap(nextToFreeze)));
        if (_try("freeze", anyone, address(settlement), call)) ++nextToFreeze;
        // An epoch in which nothing was held needs no freezing once the next order has passed it over.
        else if (nextToFreeze < Epoch.unwrap(_epoch()) && _isIdle(nextToFreeze)) ++nextToFreeze;
    }

    function _isIdle(uint32 e) private view returns (bool) {
        for (uint256 i; i < tenures.length; ++i) {
            if (tenures[i].liveFrom < (e + 1) * ROUNDS && tenures[i].unpaidFrom > e * ROUNDS) return false;
        }
        return true;
    }
}
