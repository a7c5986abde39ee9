// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The possession tree of a content of any size, from one block to a petabyte, with a real path for every word.
///
/// Word i of the data is word i % PERIOD of a random list, so that of all the nodes of one height only PERIOD are different: the tree of
/// 64 GiB takes a few hundred hashes. PERIOD is odd: no word, block or chunk looks like its neighbour, and a path fits no other place
/// nearby. Behind the real blocks stand zero words, up to a power of two.
library DataTree {
    uint256 internal constant PERIOD = 13;

    struct Tree {
        uint256 words; // real ones
        uint256 depth;
        bytes32[PERIOD][] repeated; // [height][first leaf % PERIOD], of nodes over real words alone
        bytes32[] zero; // [height], of nodes over padding alone
        bytes32[] edge; // [height], of the one node over both, if there is one
    }

    function build(bytes32 salt, uint256 blocks) internal pure returns (Tree memory t) {
        t.words = blocks * 512;
        while (1 << t.depth < t.words) ++t.depth;
        t.repeated = new bytes32[PERIOD][](t.depth + 1);
        (t.zero, t.edge) = (new bytes32[](t.depth + 1), new bytes32[](t.depth + 1));
        for (uint256 s; s < PERIOD; ++s) {
            t.repeated[0][s] = keccak256(abi.encode(salt, s));
        }
        for (uint256 height = 1; height <= t.depth; ++height) {
            uint256 half = 1 << height - 1;
            for (uint256 s; s < PERIOD; ++s) {
                t.repeated[height][s] = _pair(t.repeated[height - 1][s], t.repeated[height - 1][(s + half) % PERIOD]);
            }
            t.zero[height] = _pair(t.zero[height - 1], t.zero[height - 1]);
            uint256 index = t.words >> height;
            if (t.words % (2 * half) != 0) t.edge[height] = _pair(node(t, height - 1, 2 * index), node(t, height - 1, 2 * index + 1));
        }
    }

    function node(Tree memory t, uint256 height, uint256 index) internal pure returns (bytes32) {
        uint256 from = index << height;
        if (from >= t.words) return t.zero[height];
        return from + (1 << height) <= t.words ? t.repeated[height][from % PERIOD] : t.edge[height];
    }

    function root(Tree memory t) internal pure returns (bytes32) {
        return node(t, t.depth, 0);
    }

    /// @notice A word and its path, as the contracts take it.
    function open(Tree memory t, uint256 leaf) internal pure returns (bytes memory proof) {
        bytes32[] memory path = new bytes32[](t.depth + 1);
        path[0] = node(t, 0, leaf);
        for (uint256 height; height < t.depth; ++height) {
            path[height + 1] = node(t, height, leaf >> height ^ 1);
        }
        return abi.encodePacked(path);
    }

    /// @notice The same of a tree in storage: reads the nodes of the path alone.
    function openKept(Tree storage t, uint256 leaf) internal view returns (bytes memory) {
        bytes32[] memory path = new bytes32[](t.depth + 1);
        path[0] = _kept(t, 0, leaf);
        for (uint256 height; height + 1 < path.length; ++height) {
            path[height + 1] = _kept(t, height, leaf >> height ^ 1);
        }
        return abi.encodePacked(path);
    }

    function _kept(Tree storage t, uint256 height, uint256 index) private view returns (bytes32) {
        (uint256 from, uint256 words) = (index << height, t.words);
        if (from >= words) return t.zero[height];
        return from + (1 << height) <= words ? t.repeated[height][from % PERIOD] : t.edge[height];
    }

    function _pair(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(abi.encodePacked(left, right));
    }
}
