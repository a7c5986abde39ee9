// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CREATE3} from "solady/utils/CREATE3.sol";

/// @notice The salt of what `creator` names `name`. Bound to the creator: nobody else reaches the address.
function saltOf(address creator, bytes32 name) pure returns (bytes32) {
    return keccak256(abi.encode(creator, name));
}

/// @title Factory
/// @notice Creates contracts at addresses that follow from who asks and a name alone, by CREATE3: not from their code, their parameters or
/// anybody's nonce. So contracts can know each other before they exist, and a deployment has the same addresses on every chain.
/// Anyone may use it; it holds nothing and has no owner. It is itself created by the canonical CREATE2 deployer.
contract Factory {
    /// @notice What a contract was created from, for whoever resumes or checks a deployment.
    struct Creation {
        bytes32 initCodeHash; // code and constructor arguments
        uint64 blockNumber;
    }

    mapping(address place => Creation) private _creations;

    event Created(address indexed creator, bytes32 indexed name, address place, bytes32 initCodeHash);

    /// @notice Creates a contract at `addressOf(msg.sender, name)`. Reverts when it is there, or when its constructor reverts.
    function create(bytes32 name, bytes calldata initCode) external returns (address place) {
        place = CREATE3.deployDeterministic(initCode, saltOf(msg.sender, name));
        _creations[place] = Creation({initCodeHash: keccak256(initCode), blockNumber: uint64(block.number)});
        emit Created(msg.sender, name, place, keccak256(initCode));
    }

    /// @notice Where `creator` creates what it names `name`.
    function addressOf(address creator, bytes32 name) external view returns (address) {
        return CREATE3.predictDeterministicAddress(saltOf(creator, name));
    }

    /// @notice What the contract at `place` was created from; zeros if not from here.
    function creationOf(address place) external view returns (Creation memory) {
        return _creations[place];
    }
}
