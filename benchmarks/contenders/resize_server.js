// A Node HTTP server with sharp in its own process: POST a picture, get a JPEG 800 pixels wide. Prints its port.
const http = require('node:http');
const sharp = require('sharp');

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    try {
      const made = await sharp(Buffer.concat(parts)).rotate().resize(800).jpeg({ quality: 80 }).toBuffer();
      response.setHeader('Content-Type', 'image/jpeg');
      response.end(made);
    } catch (error) {
      response.statusCode = 400;
      response.end(String(error));
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
