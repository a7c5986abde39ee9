// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What every contract of a deployment knows of the others: addresses computed before the first one is created, immutable after.
/// @dev Listed lowest first: a contract calls only those above it, and is called only by those below.
struct Deployment {
    address authority; // AccessManager of governance, guardian and curator
    address asset; // the one ERC-20 the deployment settles in
    uint64 genesis; // Unix seconds
    uint64 roundLength; // seconds
    address beacon;
    address pool;
    address catalog;
    address operators;
    address oracle;
    address holdings;
    address market;
    address audits;
    address settlement;
    address retrieval;
}
