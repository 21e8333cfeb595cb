"""A small reader of SMILES: enough to check the reactions of data/prompts. Used by check-prompts.

Atoms of the organic subset and in brackets, bonds - = # : / \\, branches, ring closures; aromatic rings are given
double bonds by matching. No isotopes, no wildcards.
"""
import re
from collections import Counter

VALENCES = {"B": [3], "C": [4], "N": [3], "O": [2], "P": [3, 5], "S": [2, 4, 6],
            "F": [1], "Cl": [1], "Br": [1], "I": [1]}
TOKEN = re.compile(r"(\[[^\]]*\])|(Cl|Br|[BCNOPSFI]|[bcnops])|(%\d\d|\d)|([-=#:/\\])|([()])")
BRACKET = re.compile(r"\[([A-Z][a-z]?|[cnops])(@{0,2})(H\d?)?([+-]\d?)?\]")
ORDER = {"-": 1, "=": 2, "#": 3, ":": 1, "/": 1, "\\": 1}


class Wrong(Exception):
    """What is wrong with a SMILES."""


class Atom:
    def __init__(self, symbol, hydrogens=None, charge=0):
        self.element, self.aromatic = symbol.capitalize(), symbol[0].islower()
        self.hydrogens, self.charge = hydrogens, charge  # None: as many as the valence leaves
        self.bonds = []  # (other atom, order)

    def used(self):
        return sum(order for _, order in self.bonds)


def bracket_atom(text):
    match = BRACKET.fullmatch(text)
    if not match:
        raise Wrong(f"cannot read {text}")
    symbol, _, hydrogens, charge = match.groups()
    count = int(hydrogens[1:] or 1) if hydrogens else 0
    return Atom(symbol, count, int(charge[0] + (charge[1:] or "1")) if charge else 0)


def join(first, second, bond):
    order = ORDER[bond] if bond else 1
    if first is second or any(other is second for other, _ in first.bonds):
        raise Wrong("two bonds between the same atoms")
    first.bonds.append((second, order))
    second.bonds.append((first, order))


def read(text):
    """The atoms of one molecule, bonded; aromatic bonds count as single here."""
    atoms, branches, rings, last, bond, at = [], [], {}, None, None, 0
    while at < len(text):
        token = TOKEN.match(text, at)
        if not token:
            raise Wrong(f"cannot read {text[at:at + 4]}")
        bracket, organic, ring, mark, parenthesis = token.groups()
        at = token.end()
        if bracket or organic:
            atoms.append(bracket_atom(bracket) if bracket else Atom(organic))
            if last is not None:
                join(last, atoms[-1], bond)
            last, bond = atoms[-1], None
        elif mark:
            bond = mark
        elif last is None:
            raise Wrong("begins with a branch or a ring closure")
        elif ring:
            if ring in rings:
                join(rings[ring][0], last, bond or rings[ring][1])
                del rings[ring]
            else:
                rings[ring] = (last, bond)
            bond = None
        elif parenthesis == "(":
            branches.append(last)
        elif not branches:
            raise Wrong("a ) without (")
        else:
            last = branches.pop()
    if branches or rings or bond:
        raise Wrong("an open branch, ring or bond at the end")
    return atoms


def wants_double(atom):
    """Has this aromatic atom a double bond inside the ring? Not a nitrogen with a hydrogen or a third bond (pyrrole),
    nor oxygen (furan), nor an atom that already has a double bond outwards."""
    if any(order > 1 for _, order in atom.bonds):
        return False
    if atom.element == "C":
        return True
    return atom.element == "N" and not atom.hydrogens and len(atom.bonds) < 3


def assign_doubles(atoms):
    """Double bonds of the aromatic rings: a matching that covers every atom that wants one."""
    def augment(atom, seen):
        for other, _ in atom.bonds:
            if other in wanting and other not in seen:
                seen.add(other)
                if other not in partner or augment(partner[other], seen):
                    partner[atom], partner[other] = other, atom
                    return True
        return False

    wanting, partner = [a for a in atoms if a.aromatic and wants_double(a)], {}
    for atom in wanting:
        # Alternating paths of a graph with odd rings: tried from every atom, which these small molecules allow.
        if atom not in partner and not augment(atom, {atom}):
            raise Wrong("an aromatic ring without alternating double bonds")
    for atom in wanting:
        atom.bonds.append((partner[atom], 1))


def settle(atom):
    """Hydrogens of an atom of the organic subset; the valence of one in brackets must be possible."""
    valences = VALENCES.get(atom.element)
    if atom.hydrogens is None:
        free = [v - atom.used() for v in valences if v >= atom.used()]
        if not free:
            raise Wrong(f"{atom.element} has {atom.used()} bonds")
        atom.hydrogens = free[0]
    elif valences is not None:
        # A charge moves an atom to its neighbour's column: N+ bonds like C, O- like F, B- like C.
        shift = -abs(atom.charge) if atom.element in ("C", "B") and atom.charge > 0 else atom.charge
        if atom.used() + atom.hydrogens not in [v + shift for v in valences] and atom.bonds:
            raise Wrong(f"{atom.element} in brackets has {atom.used()} bonds and {atom.hydrogens} hydrogens")


def formula(text):
    """Counter of the elements of one molecule, with its "charge"."""
    atoms, total = read(text), Counter()
    assign_doubles(atoms)
    for atom in atoms:
        settle(atom)
        total[atom.element] += 1
        total["H"] += atom.hydrogens
        total["charge"] += atom.charge
    return total


def reaction_problem(text, spectators):
    """What is wrong with a reaction "a.b.c>>d.e", or None. Spectators are the molecules on the left that do not react:
    the others must balance with the right, hydrogens and charges included."""
    sides = text.split(">>")
    if len(sides) != 2 or ">" in sides[0] + sides[1]:
        return "is not \"molecules>>molecules\""
    left, right = (side.split(".") for side in sides)
    total = Counter()
    try:
        for molecules, sign in ((left, 1), (right, -1), (spectators, -1)):
            for molecule in molecules:
                for element, count in formula(molecule).items():
                    total[element] += sign * count
    except Wrong as wrong:
        return str(wrong)
    missing = [s for s in spectators if s not in left]
    if missing:
        return f"has no {missing[0]} on the left"
    rest = {element: count for element, count in total.items() if count}
    return f"is not balanced: {rest}" if rest else None
