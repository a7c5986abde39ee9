// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleWords} from "../../lib/bep52/MerkleWords.sol";
import {IHoldings} from "../../src/interfaces/IHoldings.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {Epoch, Round} from "../../src/Types.sol";
import {BaseTest} from "../Base.t.sol";

contract ProveTest is BaseTest {
    uint32 private op;

    function setUp() public override {
        super.setUp();
        op = _register(MOST_CAPACITY);
    }

    function test_HProof4_RevertWhen_TheCallerIsNoAgent() external {
        _hold(op, _publish(ONE_BLOCK), 1);
        _seed();
        bytes memory proof = _proof(op);
        vm.expectRevert(abi.encodeWithSelector(IOperators.Operators_NotAgent.selector, op, anyone));
        vm.prank(anyone);
        holdings.prove(op, proof);
        vm.prank(_owner(op));
        holdings.prove(op, proof);
    }

    function test_RevertWhen_NoSeedOrNothingHeld() external {
        _expect(abi.encodeWithSelector(IHoldings.Holdings_NoSeed.selector, 30), "");
        _seed();
        _expect(abi.encodeWithSelector(IHoldings.Holdings_NothingHeld.selector, op, 30), "");
    }

    function test_RevertWhen_TheProofEndsBeforeAnEntry() external {
        _hold(op, _publish(ONE_BLOCK), 1);
        _seed();
        _expect(abi.encodeWithSelector(IHoldings.Holdings_WrongProofLength.selector, 0, 4), "");
        _expect(abi.encodeWithSelector(IHoldings.Holdings_WrongProofLength.selector, 3, 4), hex"000000");
    }

    /// H-TREE-1, H-PROOF-2: of the entry drawn and no other, the word drawn and no other.
    function test_HTree1_RevertWhen_TheProofIsNotTheOne() external {
        _hold(op, _publish(ONE_BLOCK), 1);
        _hold(op, _publish(700), 1);
        _seed();
        IHoldings.Challenge memory c = holdings.challenges(op)[0];
        bytes memory proof = _proof(op);
        bytes memory wrong = bytes.concat(proof);
        wrong[3] ^= 0x01;
        uint256 chunk = uint256(keccak256(abi.encode(beacon.seed(_now()), op, 0, 0))) % 3; // of both contents
        _expect(abi.encodeWithSelector(IHoldings.Holdings_WrongEntry.selector, 0, chunk, c.entry ^ 1), wrong);
        wrong[0] = 0xff; // beyond the end of the line
        _expect(abi.encodeWithSelector(IHoldings.Holdings_WrongEntry.selector, 0, chunk, 0xff000000 | c.entry ^ 1), wrong);
        wrong = bytes.concat(proof);
        wrong[4] ^= 0x01;
        _expect(abi.encodeWithSelector(IHoldings.Holdings_WrongProof.selector, 0, c.contentId, c.leaf), wrong);
        wrong = bytes.concat(proof, hex"00");
        _expect(abi.encodeWithSelector(IHoldings.Holdings_WrongProofLength.selector, proof.length + 1, proof.length), wrong);
        wrong = bytes.concat(proof);
        assembly ("memory-safe") {
            mstore(wrong, sub(mload(wrong), 1)) // one byte shorter
        }
        _expect(abi.encodeWithSelector(MerkleWords.MerkleWords_ProofTooShort.selector, proof.length - 1, proof.length), wrong);
        _prove(op);
    }

    /// H-PROOF-1: what is added in a round is not sampled in it, and what is sampled stays what it was.
    function test_HProof1_SamplesWhatWasThereWhenTheRoundBegan() external {
        _hold(op, _publish(ONE_CHUNK), 1);
        uint40 order = _open(_publish(MANY_CHUNKS), 1, 2);
        _accept(order, 0, op);
        _nextSeeded();
        bytes32 before = keccak256(_proof(op));
        _activate(order, 0);
        assertEq(keccak256(_proof(op)), before);
        _prove(op);
        _nextSeeded();
        IHoldings.Challenge[] memory drawn = holdings.challenges(op);
        uint256 added;
        for (uint256 i; i < drawn.length; ++i) {
            if (drawn[i].orderId == order) ++added;
        }
        assertGt(added, 0); // 101 of 102 chunks
        _prove(op);
    }

    /// H-PROOF-2, H-ESC-3: contents of every shape, up to 64 GiB, and lines that end, for nothing.
    /// forge-config: default.fuzz.runs = 24
    function testFuzz_HProof2_AnyShapes(uint256 a, uint256 b, uint256 c) external {
        _hold(op, _publish(uint40(bound(a, 1, 1024))), 1);
        _hold(op, _publish(uint40(bound(b, 1, MOST_BLOCKS))), 2);
        _hold(op, _publish(uint40(bound(c, 1, MOST_BLOCKS))), 3);
        for (uint32 e = 1; e <= 3; ++e) {
            if (e > 1) _to(Epoch.wrap(e), 0);
            _seed();
            _prove(op);
            assertTrue(holdings.isClean(op, _now()));
            _to(Epoch.wrap(e), 29);
            _seed();
            _prove(op);
        }
        _nextSeeded();
        _expect(abi.encodeWithSelector(IHoldings.Holdings_NothingHeld.selector, op, 120), "");
    }

    function test_MarksTheRoundClean() external {
        _hold(op, _publish(ONE_CHUNK), 1);
        _seed();
        vm.expectEmit(address(holdings));
        emit IHoldings.Proven(op, Round.wrap(32));
        _prove(op);
        assertEq(holdings.tally(op, Epoch.wrap(1)).clean, 1 << 2);
    }

    function _expect(bytes memory err, bytes memory proof) private {
        address prover = _prover(op);
        vm.expectRevert(err);
        vm.prank(prover);
        holdings.prove(op, proof);
    }
}
