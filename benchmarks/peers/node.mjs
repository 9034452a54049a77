// Node with undici and the AWS SDK v3: as many messages at once as there are connections.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Agent as HttpAgent } from "node:http";

const require = createRequire(`${process.env.NODE_FOLDER}/`);
const { Pool } = require("undici");
const { DynamoDBClient, PutItemCommand, UpdateItemCommand } = require("@aws-sdk/client-dynamodb");
const { NodeHttpHandler } = require("@smithy/node-http-handler");

const connections = Number(process.env.CONNECTIONS);
const token = "EAA" + "x".repeat(180);
const to = "+4915112345678";
const text = "Your appointment is at ten.";
const meta = new Pool(process.env.STUB, { connections });
const dynamodb = new DynamoDBClient({
  endpoint: process.env.STUB,
  requestHandler: new NodeHttpHandler({
    httpAgent: new HttpAgent({ keepAlive: true, maxSockets: connections }),
  }),
});

async function one(name) {
  await dynamodb.send(
    new PutItemCommand({
      TableName: "messages",
      Item: {
        id: { S: name },
        status: { S: "CLAIMED" },
        body: { S: JSON.stringify({ id: name, to, type: "text", text }) },
        at: { N: String(Date.now() / 1000) },
      },
      ConditionExpression: "attribute_not_exists(id)",
    }),
  );
  const answer = await meta.request({
    path: "/v23.0/1/messages",
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({
      messaging_product: "whatsapp",
      recipient_type: "individual",
      to,
      type: "text",
      text: { body: text },
    }),
  });
  const sent = await answer.body.json();
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: "messages",
      Key: { id: { S: name } },
      UpdateExpression: "SET #s = :s, wamid = :w",
      ExpressionAttributeNames: { "#s": "status" },
      ExpressionAttributeValues: { ":s": { S: "SENT" }, ":w": { S: sent.messages[0].id } },
    }),
  );
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let next = 0;
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const lane = async () => {
    while (next < asked.messages) await one(`${asked.run}-${next++}`);
  };
  await Promise.all(Array.from({ length: connections }, lane));
  const spent = process.cpuUsage(cpu);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  console.log(JSON.stringify({ seconds, cpu_ms: (spent.user + spent.system) / 1000 }));
}
process.exit(0);
