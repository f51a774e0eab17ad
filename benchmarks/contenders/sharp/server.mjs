// A server that resizes pictures with sharp, in its own process: `node server.mjs` prints its port. POST /?width=N&quality=N takes a picture
// and replies with it as a JPEG file of that width.
import { once } from "node:events";
import { createServer } from "node:http";
import sharp from "sharp";

const server = createServer(async (request, response) => {
  const asked = new URL(request.url, "http://localhost").searchParams;
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  try {
    const picture = sharp(Buffer.concat(chunks)).rotate().resize({ width: Number(asked.get("width")) });
    const result = await picture.jpeg({ quality: Number(asked.get("quality")) }).toBuffer();
    response.writeHead(200, { "content-type": "image/jpeg", "content-length": result.length }).end(result);
  } catch (error) {
    response.writeHead(400, { "content-length": 0 }).end();
    console.error(error);
  }
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log(server.address().port);
