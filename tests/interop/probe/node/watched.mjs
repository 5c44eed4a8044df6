// A server on Node.js (nghttp2) whose health changes: it says `up`, does what the lines of its stdin say, and says so.
//
//     watched.mjs SOCKET [without-watch]

import http2 from "node:http2";
import readline from "node:readline";

const [path, without] = process.argv.slice(2);
const HEAD = { ":status": 200, "content-type": "application/grpc" };
const STATES = { serving: Buffer.from([0, 0, 0, 0, 2, 8, 1]), "not-serving": Buffer.from([0, 0, 0, 0, 2, 8, 2]) };

let state = STATES.serving;
const watchers = new Set();
const sessions = new Set();

const METHODS = {
  Check(stream) {
    stream.respond(HEAD, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(state);
  },
  Watch(stream) {
    if (without === "without-watch") {
      return stream.respond({ ...HEAD, "grpc-status": "12", "grpc-message": "unknown method" }, { endStream: true });
    }
    stream.respond(HEAD);
    stream.write(state);
    watchers.add(stream);
    stream.on("close", () => watchers.delete(stream));
  },
};

const server = http2.createServer();
server.on("session", (session) => {
  sessions.add(session);
  session.on("error", () => {});
  session.on("close", () => sessions.delete(session));
});
server.on("stream", (stream, fields) => {
  // A client that has seen enough goes away.
  stream.on("error", () => {});
  METHODS[fields[":path"].replace("/grpc.health.v1.Health/", "")](stream);
});
server.on("sessionError", () => {});

function follow(line) {
  if (line === "stop") {
    // Waits for the calls that are open, as grpc-js does.
    server.close(() => console.log(line));
    for (const session of sessions) session.close();
    return;
  }
  state = STATES[line];
  for (const stream of watchers) stream.write(state);
  console.log(line);
}

server.listen(path, () => console.log("up"));
readline.createInterface({ input: process.stdin }).on("line", follow).on("close", () => process.exit());
