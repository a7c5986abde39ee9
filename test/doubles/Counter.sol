// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A contract that the tests of the chain's plumbing talk to: it counts, says so, and refuses too much at once.
contract Counter {
    uint256 public constant MOST = 100;
    uint256 public total;

    event Added(uint256 indexed amount, uint256 total);

    error Counter_TooMuch(uint256 amount, uint256 most);

    function add(uint256 amount) external {
        if (amount > MOST) revert Counter_TooMuch(amount, MOST);
        total += amount;
        emit Added(amount, total);
    }

    /// @notice Adds if the total still is what the caller saw: a transaction that can fail after it was simulated.
    function addFrom(uint256 seen, uint256 amount) external {
        if (total != seen) revert Counter_TooMuch(total, seen);
        total += amount;
        emit Added(amount, total);
    }
}
