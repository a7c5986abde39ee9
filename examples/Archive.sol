// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
// From an installed package: "holdfast/src/interfaces/IMarket.sol".
import {IMarket} from "../src/interfaces/IMarket.sol";
import {Epoch} from "../src/Types.sol";

/// @title Archive
/// @notice An example of a contract that pays for storage: whoever brings the money has a content held, and gets back what its order
/// gives back. Towards the Market the archive itself is the uploader.
contract Archive {
    using SafeERC20 for IERC20;

    IERC20 public immutable ASSET;
    IMarket public immutable MARKET;

    mapping(uint40 orderId => address payer) public payerOf;

    error Archive_NotPayer(uint40 orderId, address payer);

    constructor(IERC20 asset, IMarket market) {
        (ASSET, MARKET) = (asset, market);
    }

    /// @notice Has a content held in `replicas` copies, each by another operator.
    /// @param startEpoch The one under way or the next.
    /// @param most Drawn from the caller, in asset wei; what the order does not cost goes back at once.
    function keep(uint32 contentId, uint8 replicas, Epoch startEpoch, uint8 epochs, uint256 most) external returns (uint40 orderId) {
        uint256 before = ASSET.balanceOf(address(this));
        ASSET.safeTransferFrom(msg.sender, address(this), most);
        ASSET.forceApprove(address(MARKET), most);
        IMarket.Request memory request;
        (request.contentId, request.replicas) = (contentId, replicas);
        (request.startEpoch, request.epochs) = (startEpoch, epochs);
        orderId = MARKET.open(request, most);
        payerOf[orderId] = msg.sender;
        ASSET.forceApprove(address(MARKET), 0);
        ASSET.safeTransfer(msg.sender, ASSET.balanceOf(address(this)) - before);
    }

    /// @notice Gives up replicas that nobody holds: their deposit can be reclaimed.
    /// @param replicas A mask: bit i is replica i.
    function giveUp(uint40 orderId, uint16 replicas) external {
        address payer = payerOf[orderId];
        require(msg.sender == payer, Archive_NotPayer(orderId, payer));
        MARKET.cancelOpen(orderId, replicas);
    }

    /// @notice Sends to who paid for an order what it has to give back: deposits of replicas without a holder, and the uploader's share
    /// of what operators lost with their slots. Anyone may call.
    function reclaim(uint40 orderId) external returns (uint256 amount) {
        return MARKET.withdraw(orderId, payerOf[orderId]);
    }
}
