// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {console} from "forge-std/console.sol";

import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice The stage of the attacks that are about money: parties that stake the same, twelve epochs of the real contracts, and a table of
/// what each made of it. What a party has is its purse, the accounts and stakes of its identities and what audits owe them.
abstract contract EconomyTest is BaseTest {
    uint32 internal constant EPOCHS = 12;

    struct Party {
        string name;
        address purse; // opens its own orders
        uint32[] ids;
        uint256 stake; // asset wei, at the beginning
        uint256 before; // all it had then
    }

    struct Reservation {
        uint40 orderId;
        uint8 replica;
    }

    Party[] private parties;
    Reservation[] private reservations; // to activate as soon as there is a seed
    uint40[] private orders;
    Epoch private begun; // of the first order

    function setUp() public virtual override {
        super.setUp();
        vm.pauseGasMetering(); // a test is longer than a block
    }

    // ---- Parties ----

    /// @dev `identities` operators of `capacity` chunks each.
    function _party(string memory name, uint32 identities, uint32 capacity) internal returns (uint256 p) {
        p = parties.length;
        Party storage party = parties.push();
        (party.name, party.purse) = (name, makeAddr(name));
        _fund(party.purse);
        for (; identities != 0; --identities) {
            party.ids.push(_register(capacity));
            party.stake += uint256(capacity) * STAKE;
        }
        party.before = _wealth(p);
    }

    function _purse(uint256 p) internal view returns (address) {
        return parties[p].purse;
    }

    function _id(uint256 p) internal view returns (uint32) {
        return parties[p].ids[0];
    }

    function _ids(uint256 p) internal view returns (uint32[] memory) {
        return parties[p].ids;
    }

    function _wealth(uint256 p) private returns (uint256 sum) {
        Party storage party = parties[p];
        sum = asset.balanceOf(party.purse) + audits.credit(party.purse);
        for (uint256 i; i < party.ids.length; ++i) {
            uint32 op = party.ids[i];
            sum += asset.balanceOf(_owner(op)) + asset.balanceOf(_payout(op)) + audits.credit(_payout(op)) + operators.operator(op).stake;
        }
    }

    function _profit(uint256 p) internal returns (int256) {
        return int256(_wealth(p)) - int256(parties[p].before);
    }

    // ---- Orders ----

    function _openBy(address who, uint32 contentId, uint8 replicas, uint8 epochs) internal returns (uint40 orderId) {
        IMarket.Request memory r = _request(contentId, replicas, epochs);
        vm.prank(who);
        orders.push(orderId = market.open(r, type(uint256).max));
        if (orders.length == 1) begun = _epoch();
    }

    /// @dev Accepts now; the next seeded round activates it.
    function _take(uint40 orderId, uint8 replica, uint32 op) internal {
        _accept(orderId, replica, op);
        reservations.push(Reservation(orderId, replica));
    }

    // ---- Days ----

    function _liveUntil(Round until) internal {
        while (_now() < until) {
            _day();
        }
    }

    /// @dev All twelve epochs and what is left to do after them: everything settled, frozen, claimed and withdrawn.
    function _liveToTheEnd() internal {
        _liveUntil(Epoch.wrap(EPOCHS + 1).first().addRounds(6));
        for (uint256 i; i < orders.length; ++i) {
            address who = market.order(orders[i]).uploader;
            vm.prank(who);
            market.withdraw(orders[i], who);
        }
    }

    /// @dev A seed, proofs, activations; night; and what the morning is for.
    function _day() internal {
        if (_seeds()) {
            _seed();
            for (uint32 op = 1; op <= operators.count(); ++op) {
                (uint256 live,) = holdings.chunksNow(op);
                if (live != 0 && _works(op)) _prove(op);
            }
            _activateAll(); // live from the next round
        }
        _next();
        _morning();
        Epoch ended = Epoch.wrap(Epoch.unwrap(_epoch()) - 1);
        if (Epoch.unwrap(ended) == 0) return;
        for (uint32 op = 1; op <= operators.count(); ++op) {
            bool settles = _now().index() == (_dodges(op, ended) ? 6 : 2);
            if (settles && !pool.settledThrough(op, ended)) settlement.settle(op, ended);
        }
        if (_now().index() != 5 || ended < begun) return;
        settlement.freeze(ended);
        for (uint32 op = 1; op <= operators.count(); ++op) {
            // Refused while the reputation is low.
            if (pool.share(op, ended).merit != 0) try operators.claim(op, ended) {} catch {}
        }
    }

    function _activateAll() private {
        while (reservations.length != 0) {
            Reservation memory r = reservations[reservations.length - 1];
            if (market.slot(r.orderId, r.replica).acceptedIn == _now()) return;
            reservations.pop();
            _activate(r.orderId, r.replica);
        }
    }

    /// @dev Whether anybody submits this round's seed.
    function _seeds() internal virtual returns (bool) {
        return true;
    }

    /// @dev Whether an operator proves this round, if it has something live.
    function _works(uint32) internal virtual returns (bool) {
        return true;
    }

    /// @dev Whether nobody settles an operator's epoch before it has lost its weight.
    function _dodges(uint32, Epoch) internal virtual returns (bool) {
        return false;
    }

    /// @dev What a story has to do when a round begins.
    function _morning() internal virtual {}

    /// @dev Whether this round draws a word of `contentId` from an operator.
    function _isAsked(uint32 op, uint32 contentId) internal view returns (bool) {
        IHoldings.Challenge[] memory drawn = holdings.challenges(op);
        for (uint256 i; i < drawn.length; ++i) {
            if (drawn[i].answer && drawn[i].contentId == contentId) return true;
        }
        return false;
    }

    // ---- The table ----

    /// @dev Yield: profit of twelve epochs in percent of the stake. Reputation: of the first identity.
    function _report(string memory story) internal {
        console.log("%s: yield in %d epochs", story, EPOCHS);
        for (uint256 p; p < parties.length; ++p) {
            (int256 profit, uint256 stake) = (_profit(p), parties[p].stake);
            string memory yield_ = _percent(profit * 1e18 / int256(stake));
            string memory line = string.concat("  ", _padded(parties[p].name), _padLeft(yield_), "   reputation ");
            console.log(string.concat(line, _percent(int256(_reputation(_id(p))))));
        }
    }

    /// @dev Of a WAD, with two decimals.
    function _percent(int256 x) internal pure returns (string memory) {
        uint256 bps = (x < 0 ? uint256(-x) : uint256(x)) / 1e14;
        string memory decimals = string.concat(bps % 100 < 10 ? "0" : "", vm.toString(bps % 100));
        return string.concat(x < 0 ? "-" : "", vm.toString(bps / 100), ".", decimals, " %");
    }

    function _padded(string memory s) private pure returns (string memory) {
        while (bytes(s).length < 40) {
            s = string.concat(s, " ");
        }
        return s;
    }

    function _padLeft(string memory s) private pure returns (string memory) {
        while (bytes(s).length < 10) {
            s = string.concat(" ", s);
        }
        return s;
    }
}
