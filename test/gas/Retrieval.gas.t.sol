// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IRetrieval} from "../../src/interfaces/IRetrieval.sol";
import {RetrievalTest} from "../Retrieval/RetrievalTest.sol";

/// @notice What a voucher costs in a batch of 20 of as many payers: the whole transaction, as a block counts it, divided by 20.
///
/// With `isolate` every call is a transaction of its own, from cold storage: the numbers hold the 21,000 of a transaction and its calldata.
/// forge-config: default.isolate = true
contract RetrievalGasTest is RetrievalTest {
    uint256 private constant BATCH = 20;
    uint96 private constant MONEY = 1e18;

    Vm.Wallet[] private _payers;
    Vm.Wallet[] private _sessionKeys;
    uint64[] private _contents;
    uint256 private _gas;

    function setUp() public override {
        super.setUp();
        for (uint256 i; i < BATCH; ++i) {
            _payers.push(vm.createWallet(string.concat("payer ", vm.toString(i))));
            _sessionKeys.push(vm.createWallet(string.concat("session key ", vm.toString(i))));
            _contents.push(_publish(ONE_CHUNK));
            _fund(_payers[i].addr);
            _deposit(_payers[i].addr, 2 * MONEY);
            _authorise(_payers[i].addr, _sessionKeys[i].addr, 30 days, MONEY);
        }
        // An operator that has served before.
        _redeem(op, _signed(_payers[0], _voucher(_payers[0].addr, op, content2, 1e12, 0)));
    }

    function test_ByTheirPayers() external {
        _measure(_payers, "of their payers");
    }

    function test_BySessionKeys() external {
        _measure(_sessionKeys, "of session keys");
    }

    /// What `holdfast fetch` does.
    function test_BySessionKeysOnEarmarks() external {
        _earmarkAll(op);
        _measure(_sessionKeys, "of session keys on earmarks");
    }

    function test_ByTheirPayersOnEarmarks() external {
        _earmarkAll(op);
        _measure(_payers, "of their payers on earmarks");
    }

    function test_BySessionKeysBesideEarmarksForOthers() external {
        _earmarkAll(other);
        _measure(_sessionKeys, "of session keys beside earmarks for others");
    }

    function _earmarkAll(address operator) private {
        for (uint256 i; i < BATCH; ++i) {
            _earmark(_payers[i].addr, operator, MONEY);
        }
    }

    /// @dev Of one content, then of 20.
    function _measure(Vm.Wallet[] memory signers, string memory name) private {
        _measure(signers, false, string.concat(name, ", one content"));
        _measure(signers, true, string.concat(name, ", 20 contents"));
    }

    function _measure(Vm.Wallet[] memory signers, bool manyContents, string memory name) private {
        _redeemAll(signers, manyContents, 1);
        vm.snapshotValue("Retrieval", string.concat("first vouchers ", name), _gas / BATCH);
        _redeemAll(signers, manyContents, 2);
        vm.snapshotValue("Retrieval", string.concat("repeat vouchers ", name), _gas / BATCH);
        assertLe(_gas, BATCH * 40_000, name);
    }

    function _redeemAll(Vm.Wallet[] memory signers, bool manyContents, uint64 n) private {
        IRetrieval.SignedVoucher[] memory batch = new IRetrieval.SignedVoucher[](BATCH);
        for (uint256 i; i < BATCH; ++i) {
            uint64 of_ = manyContents ? _contents[i] : content;
            batch[i] = _signed(signers[i], _voucher(_payers[i].addr, op, of_, n * 123_456_789_012_345, n * 777_777_777));
        }
        (uint256 amount, IRetrieval.Outcome[] memory outcomes) = retrieval.redeem(op, batch);
        _gas = vm.lastCallGas().gasTotalUsed;
        assertEq(amount, BATCH * 123_456_789_012_345);
        for (uint256 i; i < BATCH; ++i) {
            assertEq(uint8(outcomes[i]), uint8(IRetrieval.Outcome.Paid));
        }
    }
}
