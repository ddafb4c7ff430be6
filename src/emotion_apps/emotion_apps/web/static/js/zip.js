// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// A ZIP archive of a few files, without compression (sound does not get smaller).

const TABLE = Uint32Array.from({length: 256}, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xEDB88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes) {
  let crc = 0xFFFFFFFF;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xFFFFFFFF) >>> 0;
}

// The fields that the header of a file and its entry in the directory share.
function common(view, at, file, crc) {
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, 0x0800, true); // names are UTF-8
  view.setUint16(at + 8, 0x21, true); // 1 January 1980
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, file.bytes.length, true);
  view.setUint32(at + 18, file.bytes.length, true);
  view.setUint16(at + 22, file.encoded.length, true);
}

// files: [{name, bytes: Uint8Array}]
export function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const given of files) {
    const file = {...given, encoded: new TextEncoder().encode(given.name)};
    const crc = crc32(file.bytes);
    const header = new DataView(new ArrayBuffer(30));
    header.setUint32(0, 0x04034B50, true);
    common(header, 4, file, crc);
    parts.push(header.buffer, file.encoded, file.bytes);
    const entry = new DataView(new ArrayBuffer(46));
    entry.setUint32(0, 0x02014B50, true);
    entry.setUint16(4, 20, true);
    common(entry, 6, file, crc);
    entry.setUint32(42, offset, true);
    directory.push(entry.buffer, file.encoded);
    offset += 30 + file.encoded.length + file.bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054B50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  return new Blob([...parts, ...directory, end.buffer], {type: 'application/zip'});
}
