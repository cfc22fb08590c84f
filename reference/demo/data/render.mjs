// Draws every row of images.tsv as a 64x64 RGB PNG and writes the manifest that `dvar pretrain` reads.
//
//   node render.mjs --packages DIR --output DIR
//
// DIR of --packages holds the node_modules that package.json names; fetch-drawings installs them. Nothing is downloaded here.
// Output: OUT/images/<style>/<code_points>.png (a style's second drawing of a concept: <code_points>_2.png) and OUT/manifest.tsv.

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const source_directory = path.dirname(fileURLToPath(import.meta.url));
const drawn_size = 128; // pixels: drawn larger, then reduced, which smooths the edges
const image_size = 64; // pixels
const drawings_at_once = 4;

class InputError extends Error {}

/** Rows of a tab-separated file with a header line, as objects keyed by column name. */
async function read_table(file) {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  const header = (lines[0] ?? "").split("\t");
  return lines.slice(1).map((line, index) => {
    const cells = line.split("\t");
    if (cells.length !== header.length)
      throw new InputError(`${file}:${index + 2}: expected ${header.length} cells, found ${cells.length}`);
    return Object.fromEntries(header.map((column, i) => [column, cells[i]]));
  });
}

/** A word and its likely singular, so that "books" meets "book" and "cherries" meets "cherry". */
function word_forms(word) {
  const forms = [word];
  if (word.endsWith("ies")) forms.push(`${word.slice(0, -3)}y`);
  if (word.endsWith("es")) forms.push(word.slice(0, -2));
  if (word.endsWith("s")) forms.push(word.slice(0, -1));
  return forms;
}

/** Head nouns: the last word of each part ("glass of milk": glass, milk; "nut and bolt": nut, bolt), in all their forms. */
function head_nouns(names) {
  const heads = names.flatMap((name) => name.toLowerCase().split(/ (?:of|with|and) /).map((part) => part.split(" ").at(-1)));
  return new Set(heads.flatMap(word_forms));
}

/** The tags that name no held-out concept: what the model must not have seen, it must not have read of either. */
function allowed_tags(tags, held_out) {
  const is_held_out = (tag) => tag.toLowerCase().split(/[ -]/).some((word) => word_forms(word).some((form) => held_out.has(form)));
  return tags.split(",").filter((tag) => tag !== "" && !is_held_out(tag)).join(",");
}

/** An icon of an Iconify set with its chain of aliases resolved: mirrorings cancel in pairs, quarter turns add up. */
function resolve_icon(set, name) {
  const chain = [];
  for (let at = name; !set.icons[at]; at = set.aliases[at].parent) {
    if (!set.aliases?.[at] || chain.length > 8) throw new InputError(`the set "${set.prefix}" has no icon "${name}"`);
    chain.push(set.aliases[at]);
  }
  const body_owner = chain.at(-1)?.parent ?? name;
  const icon = { left: 0, top: 0, width: set.width ?? 16, height: set.height ?? 16, hFlip: false, vFlip: false, rotate: 0 };
  for (const layer of [set.icons[body_owner], ...chain.reverse()]) {
    for (const key of ["body", "left", "top", "width", "height"]) icon[key] = layer[key] ?? icon[key];
    icon.hFlip = icon.hFlip !== Boolean(layer.hFlip);
    icon.vFlip = icon.vFlip !== Boolean(layer.vFlip);
    icon.rotate = (icon.rotate + (layer.rotate ?? 0)) % 4;
  }
  return icon;
}

/** The icon as a square SVG document; it is mirrored first, then turned, both about its centre. */
function icon_to_svg(icon) {
  const x = icon.left + icon.width / 2;
  const y = icon.top + icon.height / 2;
  const turn = `rotate(${90 * icon.rotate} ${x} ${y})`;
  const mirror = `translate(${x} ${y}) scale(${icon.hFlip ? -1 : 1} ${icon.vFlip ? -1 : 1}) translate(${-x} ${-y})`;
  const side = Math.max(icon.width, icon.height);
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${drawn_size}" height="${drawn_size}" ` +
      `viewBox="${x - side / 2} ${y - side / 2} ${side} ${side}"><g transform="${turn} ${mirror}">${icon.body}</g></svg>`,
  );
}

/** Finds a row's drawing in the installed packages, whose versions must be the ones that the table names. */
class Drawings {
  #packages = new Map();
  constructor(directory) {
    this.directory = path.resolve(directory);
  }

  async #open(specifier) {
    const at = specifier.lastIndexOf("@");
    const [name, version] = [specifier.slice(0, at), specifier.slice(at + 1)];
    const root = path.join(this.directory, "node_modules", name);
    const text = await readFile(path.join(root, "package.json"), "utf8").catch(() => {
      throw new InputError(`${root}: the package is not installed; run fetch-drawings`);
    });
    const found = JSON.parse(text).version;
    if (found !== version) throw new InputError(`${root}: expected version ${version}, found ${found}; run fetch-drawings`);
    if (!name.startsWith("@iconify-json/")) return { root };
    return { root, set: JSON.parse(await readFile(path.join(root, "icons.json"), "utf8")) };
  }

  /** Encoded bytes of the drawing: SVG for an Iconify set, else the asset as it is. */
  async bytes(row) {
    if (!this.#packages.has(row.package)) this.#packages.set(row.package, this.#open(row.package));
    const { root, set } = await this.#packages.get(row.package);
    if (set) return icon_to_svg(resolve_icon(set, row.icon));
    return readFile(path.join(root, "assets", row.icon));
  }
}

/** Draws `input` to fit, flattens it on white and reduces it. @returns PNG bytes, 8-bit RGB */
async function rasterise(sharp, input) {
  const clear = { r: 255, g: 255, b: 255, alpha: 0 };
  const { data, info } = await sharp(input)
    .resize(drawn_size, drawn_size, { fit: "contain", background: clear })
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  return sharp(data, { raw }).resize(image_size, image_size, { kernel: "cubic" }).removeAlpha().png({ compressionLevel: 9 }).toBuffer();
}

/** The rows of the manifest: each drawing with its tags and the file that it goes to. */
async function plan_manifest() {
  const [images, tag_rows, never] = await Promise.all(
    ["images.tsv", "tags.tsv", "never.tsv"].map((name) => read_table(path.join(source_directory, name))),
  );
  const tags = new Map(tag_rows.map((row) => [row.code_points, row.tags]));
  const never_drawn = new Set(never.map((row) => row.code_points));
  const held_out = head_nouns([...images.filter((row) => row.split === "table"), ...never].map((row) => row.name));
  const drawn = new Map();
  return images.map((row) => {
    if (never_drawn.has(row.code_points)) throw new InputError(`images.tsv: "${row.name}" is in never.tsv and must not be drawn`);
    const stem = `images/${row.style}/${row.code_points}`;
    const nth = (drawn.get(stem) ?? 0) + 1;
    drawn.set(stem, nth);
    return {
      ...row,
      tags: allowed_tags(tags.get(row.code_points) ?? "", held_out),
      file: nth === 1 ? `${stem}.png` : `${stem}_${nth}.png`,
    };
  });
}

/** Writes beside the file and renames, so that an interrupted run leaves no half-written manifest. */
async function write_whole(file, text) {
  await writeFile(`${file}.part`, text);
  await rename(`${file}.part`, file);
}

async function main() {
  const { values } = parseArgs({ options: { packages: { type: "string" }, output: { type: "string" } } });
  if (!values.packages || !values.output) throw new InputError("usage: node render.mjs --packages DIR --output DIR");
  const packages = path.resolve(values.packages);
  let sharp;
  try {
    sharp = createRequire(path.join(packages, "package.json"))("sharp");
  } catch (error) {
    throw new InputError(`${packages}: cannot load sharp (${error.message.split("\n")[0]}); run fetch-drawings`);
  }
  sharp.concurrency(1); // the pictures are small: several at once use the cores better than several threads a picture

  const rows = await plan_manifest();
  const drawings = new Drawings(packages);
  for (const style of new Set(rows.map((row) => row.style)))
    await mkdir(path.join(values.output, "images", style), { recursive: true });

  let next = 0;
  let done = 0;
  const draw_rows = async () => {
    while (next < rows.length) {
      const row = rows[next++];
      const png = await drawings
        .bytes(row)
        .then((bytes) => rasterise(sharp, bytes))
        .catch((error) => {
          throw new InputError(`cannot draw "${row.name}" (${row.icon} of ${row.package}): ${error.message}`);
        });
      await writeFile(path.join(values.output, row.file), png);
      if (++done % 500 === 0 || done === rows.length) console.log(`render: ${done} of ${rows.length} drawings`);
    }
  };
  await Promise.all(Array.from({ length: drawings_at_once }, draw_rows));

  const columns = ["split", "code_points", "name", "group", "style", "tags", "file"];
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((cells) => cells.join("\t"));
  await write_whole(path.join(values.output, "manifest.tsv"), `${lines.join("\n")}\n`);
  console.log(`render: wrote ${path.join(values.output, "manifest.tsv")}`);
}

main().catch((error) => {
  console.error(`render: ${error instanceof InputError ? error.message : error.stack}`);
  process.exit(1);
});
