// Judges handshakes with Node's `tls`, both sides. Questions and answers are those of ../python/verify.py.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import tls from "node:tls";

const pair = (path) => ({ cert: readFileSync(`${path}.crt`), key: readFileSync(`${path}.key`) });

async function judge([server, client, serverTrusts, clientTrusts, host]) {
  const listener = tls.createServer({
    ...pair(server),
    ca: readFileSync(serverTrusts),
    requestCert: true,
    // With `true` Node closes such connections and keeps the reason to itself; the verdict is the same.
    rejectUnauthorized: false,
  });
  listener.on("tlsClientError", () => {}); // The client has said why.
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const accepted = once(listener, "secureConnection");
  const connection = tls.connect({
    ...pair(client),
    ca: readFileSync(clientTrusts),
    port: listener.address().port,
    host: "127.0.0.1",
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(host, certificate),
  });
  try {
    await once(connection, "secureConnect");
    const [served] = await accepted;
    served.destroy();
    return served.authorized ? "accepted" : `server\t${served.authorizationError}`;
  } catch (error) {
    return `client\t${error.code}: ${error.message.replaceAll(/\s+/g, " ")}`;
  } finally {
    connection.destroy();
    listener.close();
  }
}

for await (const question of createInterface({ input: process.stdin })) {
  console.log(await judge(question.split("\t")));
}
