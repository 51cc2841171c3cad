// HL7 libraries of Node as partners: `receive LIBRARY` listens and prints each message it took, `send LIBRARY PORT FILE`
// sends the messages of a file (a JSON list) and prints each answer as the library understands it.
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

const receivers = {
  "node-hl7-server": async (port) => {
    const library = await import("node-hl7-server");
    const inbound = new library.Server({ bindAddress: "127.0.0.1" }).createInbound({ port }, async (request, response) => {
      const message = request.getMessage();
      say({ trigger: `${message.get("MSH.9.1")}^${message.get("MSH.9.2")}`, id: `${message.get("MSH.10")}` });
      await response.sendResponse("AA");
    });
    inbound.on("listen", () => say({ port }));
    inbound.on("data.error", (error) => say({ error: `${error}` }));
  },
  "simple-hl7": async (port) => {
    const { default: library } = await import("simple-hl7");
    const app = library.tcp();
    app.use((request, response, next) => {
      say({ trigger: `${request.type}^${request.event}`, id: `${request.msg.header.getField(8)}` });
      next();
    });
    app.use((request, response) => response.end());
    app.use((error, request, response, next) => say({ error: `${error}` }));
    app.start(port);
    say({ port });
  },
};

const senders = {
  "node-hl7-client": async (port, messages) => {
    const library = await import("node-hl7-client");
    const client = new library.Client({ host: "127.0.0.1" });
    for (const text of messages) {
      await new Promise((resolve) => {
        const connection = client.createConnection({ port, waitAck: true }, async (response) => {
          const answer = response.getMessage();
          say({ code: `${answer.get("MSA.1")}`, id: `${answer.get("MSA.2")}` });
          await connection.close();
          resolve();
        });
        connection.sendMessage(new library.Message({ text }));
      });
    }
  },
  "simple-hl7": async (port, messages) => {
    const { default: library } = await import("simple-hl7");
    for (const text of messages) {
      await new Promise((resolve) => {
        library.Server.createTcpClient("127.0.0.1", port).send({ toString: () => text }, (error, answer) => {
          const stated = answer?.getSegment("MSA");
          say(error ? { error: `${error}` } : { code: `${stated.getField(1)}`, id: `${stated.getField(2)}` });
          resolve();
        });
      });
    }
  },
};

const [mode, library, port, file] = process.argv.slice(2);
if (mode === "receive") {
  await receivers[library](await freePort());
} else {
  await senders[library](Number(port), JSON.parse(readFileSync(file, "utf-8")));
  process.exit(0);
}
