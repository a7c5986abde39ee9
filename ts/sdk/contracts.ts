import {
  type Abi,
  type ContractEventName,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionReturnType,
  erc20Abi,
} from "viem";
import {
  auditsAbi,
  beaconAbi,
  catalogAbi,
  holdingsAbi,
  marketAbi,
  operatorsAbi,
  oracleAbi,
  poolAbi,
  retrievalAbi,
  settlementAbi,
} from "../bindings/abi.ts";

/** A contract's name in a deployment, and its ABI. */
interface Named<Name extends string, Abi> {
  readonly name: Name;
  readonly abi: Abi;
}

// Each has a type of its own, so that declarations name it rather than spell out its ABI; and each stands apart, so that a program carries
// the ABIs it uses and no others.
export interface AssetContract extends Named<"Asset", typeof erc20Abi> {}
export interface BeaconContract extends Named<"Beacon", typeof beaconAbi> {}
export interface CatalogContract extends Named<"Catalog", typeof catalogAbi> {}
export interface PoolContract extends Named<"Pool", typeof poolAbi> {}
export interface OperatorsContract extends Named<"Operators", typeof operatorsAbi> {}
export interface OracleContract extends Named<"Oracle", typeof oracleAbi> {}
export interface HoldingsContract extends Named<"Holdings", typeof holdingsAbi> {}
export interface MarketContract extends Named<"Market", typeof marketAbi> {}
export interface AuditsContract extends Named<"Audits", typeof auditsAbi> {}
export interface SettlementContract extends Named<"Settlement", typeof settlementAbi> {}
export interface RetrievalContract extends Named<"Retrieval", typeof retrievalAbi> {}

/** The ERC-20 that a deployment settles in. */
export const Asset: AssetContract = { name: "Asset", abi: erc20Abi };
/** Seeds of rounds. */
export const Beacon: BeaconContract = { name: "Beacon", abi: beaconAbi };
/** Contents, and who stands for them. */
export const Catalog: CatalogContract = { name: "Catalog", abi: catalogAbi };
/** Fees of epochs, from schedule to claim. */
export const Pool: PoolContract = { name: "Pool", abi: poolAbi };
/** Operators: stake, capacity, standing. */
export const Operators: OperatorsContract = { name: "Operators", abi: operatorsAbi };
/** The keepers' committee and its medians. */
export const Oracle: OracleContract = { name: "Oracle", abi: oracleAbi };
/** Who holds what; draws and proofs. */
export const Holdings: HoldingsContract = { name: "Holdings", abi: holdingsAbi };
/** Orders and their escrow. */
export const Market: MarketContract = { name: "Market", abi: marketAbi };
/** Challenges to one slot; losses and ejections. */
export const Audits: AuditsContract = { name: "Audits", abi: auditsAbi };
/** Operators' epochs: reliability, reputation, weight. */
export const Settlement: SettlementContract = { name: "Settlement", abi: settlementAbi };
/** Payers' deposits, and vouchers for bytes. */
export const Retrieval: RetrievalContract = { name: "Retrieval", abi: retrievalAbi };

/** All of them, for those who follow everything. */
export const CONTRACTS = {
  Asset,
  Beacon,
  Catalog,
  Pool,
  Operators,
  Oracle,
  Holdings,
  Market,
  Audits,
  Settlement,
  Retrieval,
} as const;

export type ContractName = keyof typeof CONTRACTS;
/** One of the above. */
export type Contract = { readonly name: ContractName; readonly abi: Abi };

export type WriteOf<C extends Contract> = ContractFunctionName<C["abi"], "nonpayable">;
export type WriteArgs<C extends Contract, F extends WriteOf<C>> = ContractFunctionArgs<C["abi"], "nonpayable", F>;
export type ReadOf<C extends Contract> = ContractFunctionName<C["abi"], "view" | "pure">;
export type ReadArgs<C extends Contract, F extends ReadOf<C>> = ContractFunctionArgs<C["abi"], "view" | "pure", F>;
export type ReadResult<C extends Contract, F extends ReadOf<C>> = ContractFunctionReturnType<
  C["abi"],
  "view" | "pure",
  F
>;
export type EventOf<C extends Contract> = ContractEventName<C["abi"]>;
