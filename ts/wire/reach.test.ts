import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { httpBody, reachable } from "./reach.ts";

test("private addresses are called only on networks of one's own", async () => {
  const hosts = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "169.254.169.254",
    "::1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "::ffff:7f00:1",
    "198.41.0.4",
  ];
  const peers = hosts.map((host) => ({ host, port: 6881 }));
  expect(await reachable(peers, { local: false })).toEqual([{ host: "198.41.0.4", port: 6881 }]);
  expect(await reachable(peers, { local: true })).toEqual(peers);
});

test("a name is judged by the address it leads to", async () => {
  const peers = [{ host: "localhost", port: 6881 }];
  expect(await reachable(peers, { local: false })).toEqual([]);
  expect((await reachable(peers, { local: true }))[0]!.host).toMatch(/^(127\.0\.0\.1|::1)$/);
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const body = (place: string, options: { local?: boolean; ms?: number } = {}) =>
  httpBody(new URL(`http://${place}`), {
    reach: { local: options.local ?? true },
    most: 1_000,
    signal: AbortSignal.timeout(options.ms ?? 10_000),
  });

test("a body is read by address and by name, where the place may be called", async () => {
  const place = await serve((_, response) => response.end("body"));
  const byName = place.replace("127.0.0.1", "localhost");
  const mapped = place.replace("127.0.0.1", "[::ffff:127.0.0.1]");
  expect((await body(place)).toString()).toBe("body");
  expect((await body(byName)).toString()).toBe("body");
  for (const each of [place, byName, mapped])
    await expect(body(each, { local: false })).rejects.toThrow("private network");
});

test("redirects are not followed, and what is too large or too slow ends", async () => {
  const place = await serve(({ url }, response) => {
    if (url === "/redirect") response.writeHead(302, { location: "/" }).end();
    else if (url === "/large") response.end("x".repeat(1_001));
    else if (url === "/endless") response.write("x");
    else response.end();
  });
  await expect(body(`${place}/redirect`)).rejects.toThrow("the server answers 302");
  await expect(body(`${place}/large`)).rejects.toThrow("more than 1000 bytes");
  await expect(body(`${place}/endless`, { ms: 300 })).rejects.toThrow("timeout");
});
