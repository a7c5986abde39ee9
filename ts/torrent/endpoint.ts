import { isIP } from "node:net";

/** Where a peer is found. `host` is an IP address or, where a person or a publication names it, a host's name. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** Longest name in the DNS. */
const MAX_HOST = 253;

/** Reads "host:port" or "[v6]:port"; undefined if it is neither. */
export function parseEndpoint(text: string): PeerAddress | undefined {
  const [, v6, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/?#[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const [host, port] = [v6 ?? plain, Number(digits)];
  if (host === undefined || host.length > MAX_HOST || port < 1 || port > 65535) return undefined;
  return v6 !== undefined && isIP(v6) !== 6 ? undefined : { host, port };
}

/** "host:port" or "[v6]:port". */
export function formatEndpoint({ host, port }: PeerAddress): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
