// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Drand} from "../../../lib/drand/Drand.sol";
import {HashToG1} from "../../../lib/drand/HashToG1.sol";
import {DrandSigner} from "../../utils/DrandSigner.sol";
import {DrandVectors} from "../../utils/DrandVectors.sol";

contract DrandTest is DrandVectors {
    // The modulus of the base field.
    uint128 private constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    bytes private quicknet = drandKey("quicknet");
    DrandVector private sample;

    function setUp() public {
        sample = _find(1000);
    }

    /// Libraries that read calldata are reached through the test contract itself.
    function verify(bytes calldata signature, uint64 round, bytes calldata key) external view returns (bool) {
        return Drand.verify(signature, round, key);
    }

    function randomness(bytes calldata signature) external pure returns (bytes32) {
        return Drand.randomness(signature);
    }

    function hashToG1(bytes32 message) external view returns (bytes memory) {
        return HashToG1.hashToG1(message);
    }

    function test_VerifiesRealRoundsOfQuicknet() external view {
        DrandVector[] memory all = drandVectors("quicknet");
        assertGe(all.length, 15);
        for (uint256 i; i < all.length; ++i) {
            assertTrue(this.verify(all[i].signature, all[i].round, quicknet));
            assertEq(this.randomness(all[i].signature), all[i].randomness, "drand's own randomness");
        }
    }

    function test_VerifiesTheLocalBeacon() external view {
        DrandVector[] memory all = drandVectors("local");
        bytes memory key = drandKey("local");
        assertTrue(Drand.isPublicKey(key));
        assertEq(DrandSigner.publicKey(localSecretKey()), key, "the signer of the tests is the local beacon");
        for (uint256 i; i < all.length; ++i) {
            assertTrue(this.verify(all[i].signature, all[i].round, key));
            assertEq(this.randomness(all[i].signature), all[i].randomness);
            assertEq(DrandSigner.sign(localSecretKey(), all[i].round), all[i].signature);
        }
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_VerifiesWhatItsKeySignedAndNothingElse(uint256 secretKey, uint64 round, uint64 other) external view {
        secretKey = bound(secretKey, 1, type(uint128).max);
        bytes memory signature = DrandSigner.sign(secretKey, round);
        assertTrue(this.verify(signature, round, DrandSigner.publicKey(secretKey)));
        assertFalse(this.verify(signature, round, quicknet));
        if (other != round) assertFalse(this.verify(signature, other, DrandSigner.publicKey(secretKey)));
    }

    function test_HashToG1MatchesNoble() external view {
        (bytes32[] memory messages, bytes[] memory points) = hashVectors();
        assertEq(messages.length, 16);
        for (uint256 i; i < messages.length; ++i) {
            assertEq(HashToG1.hashToG1(messages[i]), points[i]);
        }
    }

    function test_CompressesByWhichYIsLarger() external view {
        bytes16 xHigh = 0x155e7cb2d5c613ee0b2e28d6750aabbb;
        bytes32 xLow = keccak256("x");
        // (p - 1) / 2 and its negative (p + 1) / 2, next to one another.
        uint128 halfHigh = 0x0d0088f51cbff34d258dd3db21a5d66b;
        uint256 halfLow = 0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;
        bytes32 smaller = sha256(abi.encodePacked(xHigh | bytes16(bytes1(0x80)), xLow));
        bytes32 larger = sha256(abi.encodePacked(xHigh | bytes16(bytes1(0xa0)), xLow));
        assertEq(this.randomness(abi.encodePacked(xHigh, xLow, halfHigh, halfLow)), smaller);
        assertEq(this.randomness(abi.encodePacked(xHigh, xLow, halfHigh, halfLow + 1)), larger);
        assertEq(this.randomness(abi.encodePacked(xHigh, xLow, halfHigh - 1, type(uint256).max)), smaller);
        assertEq(this.randomness(abi.encodePacked(xHigh, xLow, halfHigh + 1, uint256(0))), larger);
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_RefusesAnyOtherBytes(uint256 place, uint8 change) external view {
        bytes memory signature = sample.signature;
        place = bound(place, 0, 95);
        vm.assume(change != 0);
        signature[place] ^= bytes1(change);
        assertFalse(this.verify(signature, 1000, quicknet));
    }

    function test_RefusesMalleatedSignatures() external view {
        (uint128 xHigh, uint256 xLow, uint128 yHigh, uint256 yLow) = _coordinates(sample.signature);

        // -y: the other point with this x.
        uint256 negatedLow;
        uint128 negatedHigh;
        unchecked {
            negatedLow = P_LOW - yLow;
            negatedHigh = P_HIGH - yHigh - (yLow > P_LOW ? 1 : 0);
        }
        assertFalse(this.verify(abi.encodePacked(xHigh, xLow, negatedHigh, negatedLow), 1000, quicknet), "negated");

        // y + p: the same element of the field, not its canonical form.
        assertFalse(this.verify(_plusP(xHigh, xLow, yHigh, yLow, false), 1000, quicknet), "y + p");
        assertFalse(this.verify(_plusP(xHigh, xLow, yHigh, yLow, true), 1000, quicknet), "x + p");

        // The flag bits of the serialised forms: compressed, infinity, larger y.
        for (uint128 flag = 1 << 125; flag != 0; flag <<= 1) {
            assertFalse(this.verify(abi.encodePacked(xHigh | flag, xLow, yHigh, yLow), 1000, quicknet), "flagged");
        }
    }

    function test_RefusesPointsThatAreNoSignature() external view {
        // The infinity.
        assertFalse(this.verify(new bytes(96), 1000, quicknet));
        // (0, 2) is on the curve, of order three.
        bytes memory orderThree = new bytes(96);
        orderThree[95] = 0x02;
        assertFalse(this.verify(orderThree, 1000, quicknet));
        // (1, 1) is not on the curve.
        bytes memory offCurve = new bytes(96);
        (offCurve[47], offCurve[95]) = (0x01, 0x01);
        assertFalse(this.verify(offCurve, 1000, quicknet));
        // All ones are no elements of the field.
        assertFalse(this.verify(abi.encodePacked(type(uint256).max, type(uint256).max, type(uint256).max), 1000, quicknet));
    }

    function test_RefusesOtherLengths() external view {
        bytes memory s = sample.signature;
        assertFalse(this.verify("", 1000, quicknet));
        assertFalse(this.verify(bytes.concat(s, hex"00"), 1000, quicknet));
        assertFalse(this.verify(bytes.concat(hex"00", s), 1000, quicknet));
        assembly ("memory-safe") {
            mstore(s, 95)
        }
        assertFalse(this.verify(s, 1000, quicknet));
        assertFalse(this.verify(sample.signature, 1000, bytes.concat(quicknet, hex"00")));
        assertFalse(this.verify(sample.signature, 1000, ""));
    }

    function test_ABadSignatureCostsABoundedSum() external view {
        uint256 before = gasleft();
        this.verify(new bytes(96), 1000, quicknet);
        this.verify(abi.encodePacked(type(uint256).max, type(uint256).max, type(uint256).max), 1000, quicknet);
        assertLt(before - gasleft(), 800_000);
    }

    /// A chain without the precompile answers a call to its address with success and nothing.
    function test_RefusesEverythingWhere_ThePairingIsMissing() external {
        vm.mockCall(address(0x0f), bytes(""), bytes(""));
        assertFalse(this.verify(sample.signature, 1000, quicknet));
        assertFalse(Drand.isPublicKey(quicknet));
    }

    function test_RevertWhen_APrecompileOfTheHashFailsOrIsMissing() external {
        address[3] memory precompiles = [address(0x05), address(0x10), address(0x0b)];
        for (uint256 i; i < 3; ++i) {
            bytes memory err = abi.encodeWithSelector(HashToG1.HashToG1_PrecompileFailed.selector, precompiles[i]);
            vm.mockCall(precompiles[i], bytes(""), bytes(""));
            vm.expectRevert(err);
            this.hashToG1("message");
            vm.mockCallRevert(precompiles[i], bytes(""), bytes(""));
            vm.expectRevert(err);
            this.hashToG1("message");
            vm.clearMockedCalls();
        }
        assertEq(this.hashToG1("message").length, 128);
    }

    function test_AcceptsPointsOfG2AsKeys() external view {
        assertTrue(Drand.isPublicKey(quicknet));
        assertTrue(Drand.isPublicKey(DrandSigner.publicKey(1)));
    }

    function test_RefusesOtherKeys() external view {
        assertFalse(Drand.isPublicKey(""));
        assertFalse(Drand.isPublicKey(new bytes(256)), "infinity");
        assertFalse(Drand.isPublicKey(bytes.concat(quicknet, hex"00")), "too long");
        assertFalse(Drand.isPublicKey(bytes.concat(quicknet, new bytes(128), quicknet)), "a second pair, which is one as well");
        bytes memory key = quicknet;
        key[255] ^= 0x01;
        assertFalse(Drand.isPublicKey(key), "off the curve");
        key[255] ^= 0x01;
        key[0] = 0x01;
        assertFalse(Drand.isPublicKey(key), "not padded with zeros");
        // On the curve, x = 2, outside the prime-order subgroup.
        key = bytes.concat(
            bytes32(0),
            bytes32(uint256(2)),
            bytes32(0),
            bytes32(0),
            hex"0000000000000000000000000000000018c6b864ae17dc9da64203ffefb966306425a7bc6aeb7c75247438372716284a4173830420cd476ba1a365b95bfcec38",
            hex"00000000000000000000000000000000172e93db764a8400a7d5071b6b6f5de0da2f0f4a063119abca014006b7c40a2cfe291a1924e65db0d6d0fcfbf3bf3d5c"
        );
        assertFalse(Drand.isPublicKey(key), "outside the subgroup");
    }

    function _find(uint64 round) private view returns (DrandVector memory) {
        DrandVector[] memory all = drandVectors("quicknet");
        for (uint256 i; i < all.length; ++i) {
            if (all[i].round == round) return all[i];
        }
        revert("no such vector");
    }

    function _coordinates(bytes memory s) private pure returns (uint128 xHigh, uint256 xLow, uint128 yHigh, uint256 yLow) {
        assembly ("memory-safe") {
            xHigh := shr(128, mload(add(s, 32)))
            xLow := mload(add(s, 48))
            yHigh := shr(128, mload(add(s, 80)))
            yLow := mload(add(s, 96))
        }
    }

    function _plusP(uint128 xHigh, uint256 xLow, uint128 yHigh, uint256 yLow, bool toX) private pure returns (bytes memory) {
        unchecked {
            if (toX) (xHigh, xLow) = (xHigh + P_HIGH + (xLow + P_LOW < xLow ? 1 : 0), xLow + P_LOW);
            else (yHigh, yLow) = (yHigh + P_HIGH + (yLow + P_LOW < yLow ? 1 : 0), yLow + P_LOW);
        }
        return abi.encodePacked(xHigh, xLow, yHigh, yLow);
    }
}
