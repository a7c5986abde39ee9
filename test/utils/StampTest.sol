// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICatalog} from "../../src/interfaces/ICatalog.sol";
import {BaseTest} from "../Base.t.sol";
import {Files} from "./Files.sol";

/// @notice The verbs of those who take contents out of service: the curator, and a liar whom somebody finds out.
abstract contract StampTest is BaseTest {
    function _block(uint32 contentId) internal {
        vm.prank(curator);
        catalog.blockContent(contentId, "court order 17/2026");
    }

    /// @dev One file of one block, held for `epochs`. The possession tree says every word of it is zero.
    function _holdALie(uint32 liar, uint8 epochs) internal returns (uint32 lie, uint40 lieOrder) {
        lie = _publish(_lieCommitment());
        lieOrder = _open(lie, 1, epochs);
        _accept(lieOrder, 0, liar);
        _nextSeeded();
        bytes memory words = _lieWords(lie, market.activationSeed(lieOrder, 0));
        vm.prank(_prover(liar));
        market.activate(lieOrder, 0, words);
        _next();
    }

    function _lieWords(uint32 lie, bytes32 seed) internal view returns (bytes memory proof) {
        uint64[] memory leaves = holdings.wordsOf(lie, seed);
        for (uint256 k; k < leaves.length; ++k) {
            proof = bytes.concat(proof, bytes32(0), abi.encodePacked(Files.path(new bytes32[](512), leaves[k])));
        }
    }

    function _disprove(uint32 lie) internal {
        ICatalog.Disproof memory p;
        (p.commitment, p.row, p.data, p.wordsRoot) = (_lieCommitment(), _lieRow(), "what is there", Files.words(""));
        catalog.disprove(lie, p);
    }

    function _lieCommitment() private pure returns (ICatalog.Commitment memory) {
        bytes32 row = sha256(abi.encode(_lieRow()));
        return ICatalog.Commitment({infohash: "lie", filesRoot: row, dataRoot: Files.words(""), blocks: 1, fileCount: 1});
    }

    function _lieRow() private pure returns (ICatalog.FileRow memory) {
        return ICatalog.FileRow({piecesRoot: sha256("what is there"), firstBlock: 0, length: 13});
    }
}
