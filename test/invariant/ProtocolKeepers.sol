// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Epoch} from "../../src/Types.sol";
import {ProtocolModel} from "./ProtocolModel.sol";

/// @notice The committee among everybody else: keepers join, commit, reveal all or a part, are tallied, charged, paid, and leave.
abstract contract ProtocolKeepers is ProtocolModel {
    uint256 private constant KEEPERS = 5;
    uint256 private constant PAGES = 2; // the second one of an operator that is none

    address[] internal keepers;
    uint256 private bonded; // by and for keepers, in asset wei
    uint256 private returned;
    uint256 private forfeited;

    function setUp() public virtual override {
        super.setUp();
        for (uint256 i; i < KEEPERS; ++i) {
            keepers.push(makeAddr(string.concat("keeper ", vm.toString(i))));
            _fund(keepers[i]);
            vm.prank(governor);
            oracle.admit(keepers[i]);
            if (i != 0) _join(keepers[i]);
        }
    }

    // ---- Actions ----

    /// @dev One keeper comes, goes, is removed or admitted again, or is made whole.
    function member(uint256 r) public action {
        r = _mix(r);
        address k = keepers[r % KEEPERS];
        uint256 what = (r >> 8) % 16;
        if (what < 6 && oracle.keeper(k).fullBond == 0) _join(k);
        else if (what == 6) _try("resign", k, address(oracle), abi.encodeCall(oracle.resign, ()));
        else if (what == 7) _try("remove", governor, address(oracle), abi.encodeCall(oracle.remove, (k)));
        else if (what < 11) _try("admit", governor, address(oracle), abi.encodeCall(oracle.admit, (k)));
        else if (what < 14) _withdrawBond(k);
        else _topUp(k);
    }

    /// @dev Pages not tallied, faults not charged and pay not drawn yet, of the last epochs.
    function keepersDues(uint256 r) public action {
        r = _mix(r);
        uint32 epoch = Epoch.unwrap(_epoch());
        for (uint32 e = epoch > 5 ? epoch - 5 : 1; e < epoch; ++e) {
            if (r >> e % 64 & 1 != 0) _tally(Epoch.wrap(e));
            for (uint256 i; i < KEEPERS; ++i) {
                uint256 bond = oracle.keeper(keepers[i]).bond;
                if (!_try("forfeit", anyone, address(oracle), abi.encodeCall(oracle.forfeit, (Epoch.wrap(e), keepers[i])))) continue;
                forfeited += bond - oracle.keeper(keepers[i]).bond;
            }
        }
        _payKeepers(r >> 64);
    }

    // ---- Steps ----

    /// @dev Those of the seats whose bits are set.
    function _payKeepers(uint256 seats) internal {
        for (uint32 e = 1; e < nextToFreeze; ++e) {
            uint256 unpaid = pool.epochFees(Epoch.wrap(e)).unpaidKeepers & seats;
            for (uint256 seat; seat < KEEPERS; ++seat) {
                if (unpaid >> seat & 1 == 0) continue;
                _must("payKeeper", anyone, address(oracle), abi.encodeCall(oracle.payKeeper, (Epoch.wrap(e), seat)));
            }
        }
    }

    /// @dev The next epoch's first rounds, with what the committee says of the one that ends: most commit, most of them reveal all.
    function _report(uint256 r) internal {
        Epoch epoch = _epoch();
        _goTo(epoch.addEpochs(1), 0);
        for (uint256 i; i < KEEPERS; ++i) {
            if (r >> 8 * i & 7 == 0) continue;
            bytes memory call = abi.encodeCall(oracle.commit, (epoch, _link(keepers[i], epoch, 0, r >> 8 * i), PAGES));
            _try("commit", keepers[i], address(oracle), call);
        }
        _goTo(epoch.addEpochs(1), 1);
        for (uint256 i; i < KEEPERS; ++i) {
            uint256 pages = r >> (8 * i + 128) & 7 == 0 ? 1 : PAGES;
            for (uint256 p; p < pages; ++p) {
                bytes32 next = _link(keepers[i], epoch, p + 1, r >> 8 * i);
                _try("reveal", keepers[i], address(oracle), abi.encodeCall(oracle.reveal, (epoch, _values(p, r >> 8 * i), next)));
            }
        }
        _goTo(epoch.addEpochs(1), 2);
        if (r >> 120 & 7 != 0) _tally(epoch);
    }

    function _tally(Epoch epoch) internal {
        for (uint256 p; p < PAGES; ++p) {
            _try("tally", anyone, address(oracle), abi.encodeCall(oracle.tally, (epoch, p)));
        }
    }

    /// @dev Everybody leaves the committee.
    function _resignAll() internal {
        for (uint256 i; i < KEEPERS; ++i) {
            _try("resign", keepers[i], address(oracle), abi.encodeCall(oracle.resign, ()));
        }
    }

    /// @dev Three epochs later nothing is left of the bonds.
    function _withdrawAllBonds() internal {
        for (uint256 i; i < KEEPERS; ++i) {
            _withdrawBond(keepers[i]);
        }
        assertEq(oracle.accounted(), 0, "every bond is home");
    }

    function _join(address k) private {
        uint96 bond = oracle.keeperBond();
        if (_try("join", k, address(oracle), abi.encodeCall(oracle.join, ()))) bonded += bond;
    }

    function _topUp(address k) private {
        IOracle.Keeper memory before = oracle.keeper(k);
        if (_try("topUpBond", keepers[0], address(oracle), abi.encodeCall(oracle.topUp, (k)))) bonded += before.fullBond - before.bond;
    }

    function _withdrawBond(address k) private {
        uint256 bond = oracle.keeper(k).bond;
        if (_try("withdrawBond", k, address(oracle), abi.encodeCall(oracle.withdrawBond, (k)))) returned += bond;
    }

    /// @dev And what came in is there, went home or is the treasury's.
    function _bonds() internal view override returns (uint256 bonds) {
        for (uint256 i; i < KEEPERS; ++i) {
            bonds += oracle.keeper(keepers[i]).bond;
        }
        assertEq(bonded, bonds + returned + forfeited, "bonds are held, returned or forfeited");
    }

    // ---- Values ----

    function _values(uint256 page, uint256 r) private pure returns (bytes memory values) {
        // A liar is far from everybody else.
        uint16 seen = r >> 4 & 15 == 0 ? 3000 : 9000;
        bytes memory pair = abi.encodePacked(seen + 1, seen + 501);
        for (uint256 op; op < (page == 0 ? uint256(OPERATORS) : 1); ++op) {
            values = bytes.concat(values, pair);
        }
    }

    /// @dev Of the chain of pages, from `page` on; its end is the salt.
    function _link(address k, Epoch epoch, uint256 page, uint256 r) private view returns (bytes32) {
        if (page == PAGES) return keccak256(abi.encode("salt", k, epoch));
        return oracle.linkOf(k, epoch, page, _values(page, r), _link(k, epoch, page + 1, r));
    }
}
