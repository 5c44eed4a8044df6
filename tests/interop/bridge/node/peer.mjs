// nghttp2, as Node.js uses it, as a gRPC caller and as a server.
//
//     peer.mjs serve CERTIFICATES            mutual TLS on a port that is printed, until stdin ends
//     peer.mjs call TARGET [CERTIFICATES]    reads calls from stdin and prints outcomes, one JSON object per line
//
// The methods and the fields are those of ../call_test.go.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import net from "node:net";
import { createInterface } from "node:readline";

const CODES = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
  "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
];
const PATTERN = "0123456789abcdef-ghijklmnop_QRSTUVWXYZ";

const message = (number, size) => Buffer.alloc(size, number % 251);

function padding(total, values) {
  const share = Math.floor(total / values);
  return Array(values).fill(PATTERN.repeat(Math.floor(share / PATTERN.length) + 1).slice(0, share));
}

function tally(headers, prefix = "x-") {
  const lines = Object.keys(headers ?? {}).filter((key) => key.startsWith(prefix)).sort()
    .flatMap((key) => [headers[key]].flat().map((value) => `${key}: ${value}\n`));
  const text = lines.join("");
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
  return { values: lines.length, bytes: text.length, digest };
}

function framed(payload) {
  const made = Buffer.alloc(5 + payload.length);
  made.writeUInt32BE(payload.length, 1);
  payload.copy(made, 5);
  return made;
}

// Every message of a stream, as far as it is whole.
async function* messages(stream) {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = rest.length ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    while (rest.length - at >= 5) {
      const end = at + 5 + rest.readUInt32BE(at + 1);
      if (rest.length < end) break;
      yield rest.subarray(at + 5, end);
      at = end;
    }
    rest = rest.subarray(at);
  }
}

async function write(stream, payload) {
  if (!stream.write(framed(payload))) await Promise.race([once(stream, "drain"), once(stream, "close")]);
}

// ---- server

const METHODS = {
  async Echo(stream) {
    for await (const request of messages(stream)) await write(stream, request);
  },
  async Count(stream) {
    let [count, length] = [0, 0];
    const digest = createHash("sha256");
    for await (const request of messages(stream)) {
      [count, length] = [count + 1, length + request.length];
      digest.update(request);
    }
    await write(stream, Buffer.from(`${count} ${length} ${digest.digest("hex")}`));
  },
  async Source(stream, script) {
    for (let number = 0; number < script["x-messages"]; number++) {
      await write(stream, message(number, Number(script["x-size"])));
    }
  },
  async Silent(stream) {
    stream.resume();
    await once(stream, "close");
  },
};

function serve(directory) {
  const read = (name) => readFileSync(`${directory}/${name}`);
  const server = http2.createSecureServer({
    key: read("server.key"), cert: read("server.crt"), ca: read("ca.crt"), requestCert: true, maxSessionMemory: 1000,
  });
  server.on("stream", (stream, headers) => {
    // What becomes of a call that was cut is the caller's to tell.
    stream.on("error", () => {});
    answer(stream, headers).catch(() => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
  });
  server.listen(0, "localhost", () => console.log(server.address().port));
  process.stdin.on("end", () => process.exit()).resume();
}

async function answer(stream, script) {
  const header = { ":status": 200, "content-type": "application/grpc+proto" };
  if (script["x-header-bytes"]) {
    header["x-pad"] = padding(Number(script["x-header-bytes"]), Number(script["x-header-values"]));
  }
  const method = script[":path"].split("/")[2];
  if (method !== "Silent") stream.respond(header, { waitForTrailers: true });
  const saw = tally(script, "x-pad");
  const trailers = {
    "grpc-status": 0, "x-saw": `${saw.values} ${saw.bytes} ${saw.digest}`, "x-limit": hours(script["grpc-timeout"]),
  };
  if (script["x-trailer-bytes"]) {
    trailers["x-pad"] = padding(Number(script["x-trailer-bytes"]), Number(script["x-trailer-values"]));
  }
  if (script["x-code"]) {
    trailers["grpc-status"] = CODES.indexOf(script["x-code"]);
    trailers["grpc-message"] = "as the caller wished";
  }
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  await METHODS[method](stream, script);
  stream.end();
}

function hours(timeout) {
  if (!timeout) return "none";
  const seconds = { H: 3600, M: 60, S: 1, m: 1e-3, u: 1e-6, n: 1e-9 }[timeout.slice(-1)] * Number(timeout.slice(0, -1));
  return `${Math.round(seconds / 3600)}h`;
}

// ---- caller

function connect(target, directory) {
  const settings = { initialWindowSize: 1 << 20 };
  if (!directory) {
    const createConnection = () => net.connect(target.replace(/^unix:/, ""));
    return http2.connect("http://localhost", { createConnection, settings, maxSessionMemory: 1000 });
  }
  const read = (name) => readFileSync(`${directory}/${name}`);
  return http2.connect(`https://${target}`, {
    ca: read("ca.crt"), cert: read("client.crt"), key: read("client.key"), servername: "localhost", settings,
    maxSessionMemory: 1000,
  });
}

function callAll(target, directory) {
  const session = connect(target, directory);
  // Stopped readers use up windows of their own, and not that of the connection.
  session.once("connect", () => session.setLocalWindowSize(1 << 28));
  session.on("error", (error) => console.error("session:", error.message));
  const held = new Map();
  createInterface({ input: process.stdin }).on("line", async (line) => {
    const call = JSON.parse(line);
    if (call.release) return held.get(call.release)();
    const released = call.hold ? new Promise((resolve) => held.set(call.id, resolve)) : undefined;
    console.log(JSON.stringify({ id: call.id, outcome: await one(session, call, released) }));
  }).on("close", () => process.exit());
}

async function one(session, call, released) {
  const headers = {
    ":method": "POST", ":path": `/egext.Peers/${call.method}`, "content-type": "application/grpc+proto",
    te: "trailers", ...call.metadata,
  };
  if (call.timeout) headers["grpc-timeout"] = `${Math.round(call.timeout * 1000)}m`;
  if (call.pad_bytes) headers["x-pad"] = padding(call.pad_bytes, call.pad_values);
  const seen = { received: 0, length: 0, digest: createHash("sha256"), broken: "" };
  let stream;
  try {
    stream = session.request(headers, { endStream: call.messages === 0 });
  } catch (error) {
    seen.broken = error.message;
    return outcome(seen);
  }
  stream.on("response", (got) => { seen.header = got; }).on("trailers", (got) => { seen.trailer = got; });
  stream.on("error", (error) => { seen.broken = error.message; });
  const clocks = [
    setTimeout(() => stop(`no end within ${call.limit} s`), call.limit * 1000),
    call.timeout ? setTimeout(() => stop("DEADLINE_EXCEEDED"), call.timeout * 1000) : undefined,
  ];
  const stop = (code) => {
    seen.code = code;
    stream.close(http2.constants.NGHTTP2_CANCEL);
  };
  await Promise.all([send(stream, call), receive(stream, seen, released)]);
  clocks.forEach(clearTimeout);
  return outcome(seen);
}

async function send(stream, call) {
  for (let number = 0; number < call.messages && !stream.closed; number++) {
    await write(stream, message(number, call.size));
  }
  stream.end();
}

async function receive(stream, seen, released) {
  try {
    for await (const reply of messages(stream)) {
      seen.received++;
      seen.length += reply.length;
      seen.digest.update(reply);
      if (released && seen.received === 1) await released;
    }
  } catch (error) {
    seen.broken = error.message;
  }
  if (!stream.closed) await once(stream, "close");
}

function outcome(seen) {
  const status = (seen.trailer ?? seen.header ?? {})["grpc-status"];
  const words = (seen.trailer ?? seen.header ?? {})["grpc-message"] ?? "";
  return {
    code: seen.code ?? (status === undefined ? `no status: ${seen.broken}` : CODES[Number(status)]),
    message: decodeURIComponent(words), messages: seen.received, bytes: seen.length,
    digest: seen.digest.digest("hex").slice(0, 16), header: tally(seen.header),
    trailer: tally(seen.trailer),
  };
}

const [verb, ...rest] = process.argv.slice(2);
({ serve, call: callAll })[verb](...rest);
