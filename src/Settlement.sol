// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LibBit} from "solady/utils/LibBit.sol";
import {Deployment} from "./Deployment.sol";
import {IBeacon} from "./interfaces/IBeacon.sol";
import {IHoldings} from "./interfaces/IHoldings.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IOperators} from "./interfaces/IOperators.sol";
import {IOracle} from "./interfaces/IOracle.sol";
import {IPool} from "./interfaces/IPool.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Clock} from "./libraries/Clock.sol";
import {ReputationMath} from "./libraries/ReputationMath.sol";
import {Epoch, Round, WAD} from "./Types.sol";

/// @title Settlement
/// @notice See ISettlement.
contract Settlement is ISettlement, Clock {
    using ReputationMath for ReputationMath.Record;

    /// @notice Round of the next epoch in which settling begins, and the one in which it stops to weigh and freezing begins.
    uint32 public constant SETTLE_ROUND = 2;
    uint32 public constant FREEZE_ROUND = 5;

    IBeacon public immutable BEACON;
    IPool public immutable POOL;
    IOperators public immutable OPERATORS;
    IOracle public immutable ORACLE;
    IHoldings public immutable HOLDINGS;
    IMarket public immutable MARKET;

    constructor(Deployment memory d) Clock(d.genesis, d.roundLength) {
        BEACON = IBeacon(d.beacon);
        POOL = IPool(d.pool);
        OPERATORS = IOperators(d.operators);
        ORACLE = IOracle(d.oracle);
        HOLDINGS = IHoldings(d.holdings);
        MARKET = IMarket(d.market);
    }

    function settle(uint32 operatorId, Epoch epoch) external {
        Round round = _after(epoch, SETTLE_ROUND);
        Outcome memory o;
        (o.fees, o.chunks) = POOL.closeOperator(operatorId, epoch);
        if (o.chunks == 0) revert Settlement_NothingToSettle(operatorId, epoch);
        // If nothing was due, reputation and reliability stay what they are, and there is nothing to weigh.
        (o.reputation, o.reliability) = OPERATORS.standing(operatorId);
        ReputationMath.Record memory e = _record(operatorId, epoch, o.chunks, o.reputation);
        (o.due, o.clean, o.retention) = (e.due, e.clean, WAD);
        if (e.due != 0) {
            o.retention = e.retention();
            uint256 reliability = e.reliability(o.retention);
            (o.reputation, o.reliability) = OPERATORS.setStanding(operatorId, e.reputation(o.retention, reliability), reliability);
            o.weighed = round < epoch.addEpochs(1).first().addRounds(FREEZE_ROUND);
            if (o.weighed) POOL.weigh(operatorId, epoch, o.fees, o.reputation * o.reliability / WAD);
        }
        emit Settled(operatorId, epoch, o);
    }

    function freeze(Epoch epoch) external {
        _after(epoch, FREEZE_ROUND);
        (uint256 seats, uint256 earned) = ORACLE.scores(epoch);
        POOL.freeze(epoch, MARKET.collect(epoch), seats, earned);
    }

    /// @dev A missed round needs no report (H-PROOF-3): what is due is what was seeded and had something live, what of it has no clean bit
    /// was missed.
    function _record(uint32 operatorId, Epoch epoch, uint256 chunks, uint256 standing)
        private
        view
        returns (ReputationMath.Record memory e)
    {
        (IHoldings.Tally memory t, Round stamp) = HOLDINGS.settling(operatorId, epoch);
        if (t.audits != 0) revert Settlement_AuditsPending(operatorId, epoch, t.audits);
        if (Round.unwrap(stamp) != 0) revert Settlement_NotUnwound(operatorId, stamp);
        uint256 due = BEACON.seededMask(epoch) & ~uint256(t.idle);
        (e.due, e.clean) = (LibBit.popCount(due), LibBit.popCount(due & t.clean));
        (e.chunks, e.standing) = (chunks, standing);
        e.lostHalves = t.ejected ? 2 * chunks : t.lostHalves;
        // A loss counts even if every round was void.
        if (e.due == 0 && e.lostHalves != 0) (e.due, e.clean) = (1, 1);
        if (e.due == 0) return e;
        bool ready;
        (ready, e.measured, e.uptimeBps, e.availabilityBps) = ORACLE.metrics(operatorId, epoch);
        if (!ready) revert Settlement_NotTallied(operatorId, epoch);
    }

    /// @dev Reverts before round `n` of the epoch after `epoch`.
    function _after(Epoch epoch, uint32 n) private view returns (Round round) {
        round = currentRound();
        Round from = epoch.addEpochs(1).first().addRounds(n);
        if (round < from) revert Settlement_TooEarly(round, from);
    }
}
