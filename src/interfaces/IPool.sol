// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Epoch, Round} from "../Types.sol";

/// @title Pool
/// @notice The fees of each epoch, from schedule to claim: what every slot pays, what an epoch collected, who has which share of it.
/// Holds the collected fees not yet claimed, the keepers' pay and the treasury.
interface IPool {
    /// @notice One epoch's fees, fixed by `freeze`.
    struct EpochFees {
        // slot 0
        uint104 weight; // sum of the weights of the operators settled in time, in asset wei (W)
        uint104 net; // fees less the oracle's and the treasury's shares, in asset wei
        uint16 sharesBps; // oracle + treasury, in basis points of the fees
        bool frozen;
        // slot 1
        uint96 keeperPay; // of one seat that earned it, in asset wei
        uint16 unpaidKeepers; // bit i: seat i earned its pay and has not drawn it
    }

    /// @notice An operator's part in an epoch.
    struct Share {
        // slot 0
        uint96 fees; // accrued by its slots, in asset wei (F)
        uint96 before; // weights settled before it, in asset wei
        uint32 merit; // reputation x reliability in parts of MERIT, rounded down; weight = fees x merit. 0 once claimed
        Epoch epoch;
    }

    /// @notice Of `fees`, the treasury is credited with what neither `net` (if there is weight) nor the keepers take.
    /// @param keeperPay Of each seat that earned it, in asset wei. @param earnedSeats A mask, bit i: seat i earned its pay.
    event Frozen(Epoch indexed epoch, uint256 fees, uint256 net, uint256 weight, uint256 keeperPay, uint256 earnedSeats);
    event Paid(uint32 indexed operatorId, Epoch indexed epoch, address indexed to, uint256 owed, uint256 toTreasury);
    event KeeperPaid(address indexed keeper, Epoch indexed epoch, uint256 amount);
    /// @notice From outside the epochs: slashes, forfeits, halves of disproved bonds, the take of retrieval.
    event TreasuryCredited(uint256 amount);
    event TreasuryWithdrawn(address indexed to, uint256 amount);
    event TreasurySet(address indexed treasury);
    event SharesSet(Epoch indexed from, uint16 oracleBps, uint16 treasuryBps);

    error Pool_Unauthorized(address caller);
    error Pool_AlreadyFrozen(Epoch epoch);
    error Pool_NotFrozen(Epoch epoch);
    error Pool_NothingToPay(uint32 operatorId, Epoch epoch);
    error Pool_KeeperNotOwed(Epoch epoch, uint256 seat);
    error Pool_SharesOutOfBounds(uint16 oracleBps, uint16 treasuryBps);
    error Pool_ZeroTreasury();

    /// @notice Schedules a slot's fee with the market's total and with the operator's own: live from round `from` to the end of `last`.
    /// @param feePerRound Of the whole slot, in asset wei a round.
    /// Requirements: caller is the Market.
    function schedule(uint32 operatorId, Round from, Epoch last, uint256 feePerRound, uint256 chunks) external;

    /// @notice Takes back the fee of a slot that ends early, from round `from` on. What belongs to a frozen epoch stays. One that ends
    /// before it was live is paid nothing and counts, with its chunks, in the epoch it would have begun in: that is where its loss counts.
    /// @param start The round it was scheduled from.
    /// @return unpaidRounds The rounds whose fee goes back to the order.
    /// Requirements: caller is the Market.
    function cut(uint32 operatorId, Round start, Round from, Epoch last, uint256 feePerRound, uint256 chunks)
        external
        returns (uint256 unpaidRounds);

    /// @notice Closes `epoch` in the market's schedule and says what its slots paid, in asset wei; the Market transfers it here.
    /// Requirements: caller is the Market; epochs in order.
    function collect(Epoch epoch) external returns (uint256 fees);

    /// @notice Closes `epoch` in an operator's schedule.
    /// @return fees Accrued by its slots, in asset wei (F).
    /// @return chunks Live at any time in the epoch (H); 0 for one closed before.
    /// Requirements: caller is the Settlement; epochs in order.
    function closeOperator(uint32 operatorId, Epoch epoch) external returns (uint256 fees, uint256 chunks);

    /// @notice Gives an operator its weight in an epoch: fees x merit (H-EPOCH-1).
    /// @param merit Reputation x reliability, WAD.
    /// Requirements: caller is the Settlement; the epoch is not frozen.
    function weigh(uint32 operatorId, Epoch epoch, uint256 fees, uint256 merit) external;

    /// @notice Fixes an epoch's fees, net and weight. A net nobody has weight in goes to the treasury, as does pay keepers did not earn.
    /// @param fees What the Market has just transferred, in asset wei.
    /// @param seats Of the committee in that epoch. @param earned Bit i: seat i earned its pay.
    /// Requirements: caller is the Settlement; not frozen before.
    function freeze(Epoch epoch, uint256 fees, uint256 seats, uint256 earned) external;

    /// @notice Pays an operator's share once: `min(net * w / W, F * (1 - shares))`, rounded down (H-EPOCH-1, H-EPOCH-2). What the cap leaves
    /// over goes to the treasury, and so does everything if `forfeited`.
    /// Requirements: caller is the Operators; the epoch is frozen; something is owed.
    function pay(uint32 operatorId, Epoch epoch, address to, bool forfeited) external returns (uint256 owed);

    /// @notice Pays a keeper's seat once.
    /// Requirements: caller is the Oracle; the seat earned it in a frozen epoch.
    function payKeeper(Epoch epoch, uint256 seat, address keeper) external returns (uint256 amount);

    /// @notice Books tokens just transferred here to the treasury.
    /// Requirements: caller is the Catalog, the Oracle, the Market or the Retrieval.
    function creditTreasury(uint256 amount) external;

    /// @notice Sends the treasury's ledger to the treasury address. By anyone.
    function withdrawTreasury() external returns (uint256 amount);

    /// @notice Governance: where the treasury's money goes. Cannot touch anything else.
    function setTreasury(address treasury) external;

    /// @notice Governance: the oracle's and the treasury's shares of the fees, from the next epoch on.
    /// Requirements: their sum is at most MAX_SHARES_BPS.
    function setShares(uint16 oracleBps, uint16 treasuryBps) external;

    /// @notice Whether no epoch up to and including `epoch` in which the operator held something waits to be settled.
    function settledThrough(uint32 operatorId, Epoch epoch) external view returns (bool);

    /// @notice Fees of the slots, past and to come, in epochs not collected yet, in asset wei: what the Market accounts for besides the
    /// orders' balances (H-ESC-1).
    function scheduled() external view returns (uint256);

    function sharesOf(Epoch epoch) external view returns (uint16 oracleBps, uint16 treasuryBps);

    function epochFees(Epoch epoch) external view returns (EpochFees memory);

    function share(uint32 operatorId, Epoch epoch) external view returns (Share memory);

    /// @notice What this contract owes, in asset wei: unclaimed net, keepers' pay, treasury. The balance is at least that (H-ESC-1).
    function accounted() external view returns (uint128);

    function treasuryBalance() external view returns (uint128);
}
