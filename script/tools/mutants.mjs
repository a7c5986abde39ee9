// The mutants of Solidity sources: small changes, each of which some test should notice. They are found in the compiler's syntax tree, and all
// put into one copy of the sources, each behind a switch (`mutated_(17) ? a <= b : a < b`): compiled once, any of them can be run.
// The switch is `block.coinbase`, which no contract here reads and forge sets by an option.
import { createRequire } from "node:module";
import { dirname, relative } from "node:path/posix";

const solc = createRequire(import.meta.url)("solc");

/** The file that a copy's sources import the switch from. */
export const SWITCH_PATH = "src/Mutants_.sol";
export const SWITCH = `// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Whether the mutant of this number is to be run. Pure for the compiler only, so that mutants can be in pure functions too.
function mutated_(uint256 n) pure returns (bool) {
    return mutant_() == n;
}

function mutant_() pure returns (uint256) {
    function() view returns (uint256) read = _mutant;
    function() pure returns (uint256) pretend;
    assembly {
        pretend := read
    }
    return pretend();
}

function _mutant() view returns (uint256) {
    return uint160(address(block.coinbase));
}
`;

const BINARY = {
  ...{ "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&" },
  ...{ "+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "**": "*" },
  ...{ "&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<" },
};
const YUL = {
  ...{ add: "sub", sub: "add", mul: "div", div: "mul", mod: "div", and: "or", or: "and", xor: "or" },
  ...{ shl: "shr", shr: "shl", lt: "gt", gt: "lt" },
};
const NUMBERS = 10_000; // of mutants a file may have

/**
 * @param sources Map of path to text of what is mutated. Interfaces have nothing to mutate.
 * @param compile As `compiler` gives it.
 * @returns mutants Each with number, file, line, scope (the function or constant it is in), operator, from, to and a `key` that outlives
 * changes elsewhere in the file. texts Map of path to the source with all of them behind switches. dropped Those that do not compile.
 */
export function mutantsOf(sources, compile) {
  const { errors, trees } = compile(sources, { "": ["ast"] });
  if (errors.length) throw new Error(errors[0].formattedMessage);
  const files = new Map();
  for (const [path, text] of [...sources].sort()) files.set(path, new File(path, text, (files.size + 1) * NUMBERS));
  const constants = new Map(); // declaration => its mutants, switched wherever it is used
  for (const [path, file] of files) constantsOf(file, trees[path].ast, constants);
  for (const [path, file] of files) new Finder(file, constants).visit(trees[path].ast, []);
  const all = [...files.values()].flatMap((file) => file.mutants);
  const dropped = new Set();
  for (;;) {
    const texts = new Map([...files].map(([path, file]) => [path, file.render(dropped)]));
    texts.set(SWITCH_PATH, SWITCH);
    const { errors } = compile(texts, { "*": ["evm.bytecode.object"] });
    if (errors.length === 0) {
      return { mutants: all.filter(({ n }) => !dropped.has(n)), texts, dropped: all.filter(({ n }) => dropped.has(n)) };
    }
    const before = dropped.size;
    for (const error of errors) for (const n of culprits(texts, error)) dropped.add(n);
    if (dropped.size === before) throw new Error(errors[0].formattedMessage);
  }
}

/**
 * The compiler, without the optimizer: it looks for errors, the stack's depth among them.
 * @param read Gives the text of a file that a source imports.
 */
export function compiler(read, remappings) {
  return (sources, output) => {
    const input = {
      language: "Solidity",
      sources: Object.fromEntries([...sources].map(([path, content]) => [path, { content }])),
      settings: { remappings, evmVersion: "osaka", outputSelection: { "*": output } },
    };
    const answer = JSON.parse(solc.compile(JSON.stringify(input), { import: (path) => ({ contents: read(path) }) }));
    return { errors: (answer.errors ?? []).filter(({ severity }) => severity === "error"), trees: answer.sources };
  };
}

/** The mutant whose switch or changed text an error is in; if none, those within its range. */
function culprits(texts, { sourceLocation: { file, start, end } = {} }) {
  const within = [];
  let open;
  for (const { index, 1: begins, 2: ends } of (texts.get(file) ?? "").matchAll(/\/\*(\d+)\{\*\/|\/\*\}(\d+)\*\//g)) {
    if (index <= start) open = ends ? undefined : Number(begins);
    else if (begins && index < end) within.push(Number(begins));
  }
  return open === undefined ? within : [open];
}

/** A source, its mutants, and the points at which they are switched. */
class File {
  mutants = [];
  points = new Map();

  constructor(path, text, first) {
    Object.assign(this, { path, text, first });
  }

  add(node, scope, operator, from, to) {
    const oneLine = (s) => s.replace(/\s+/g, " ").trim();
    const mutant = {
      n: this.first + this.mutants.length,
      file: this.path,
      line: this.text.slice(0, node.start).split("\n").length,
      ...{ scope, operator, from: oneLine(from), to: oneLine(to) },
    };
    const twins = this.mutants.filter((other) => keyOf(other) === keyOf(mutant)).length;
    mutant.key = keyOf(mutant) + (twins ? ` #${twins + 1}` : "");
    this.mutants.push(mutant);
    return mutant.n;
  }

  /** @param kind expression, statement, yul (a statement of assembly), or text put before the range's end as it is. */
  point(kind, start, end, n, to) {
    const key = `${start}:${end}:${kind}`;
    if (!this.points.has(key)) this.points.set(key, { kind, start, end, mutants: [] });
    this.points.get(key).mutants.push({ n, to });
  }

  render(dropped) {
    const points = [...this.points.values()].sort((a, b) => a.start - b.start || b.end - a.end);
    const up = relative(dirname(this.path), SWITCH_PATH);
    const from = up.startsWith(".") ? up : `./${up}`;
    const text = this.#range(points, 0, this.text.length, dropped);
    return text.replace(/^pragma .*$/m, `$&\nimport {mutant_, mutated_} from "${from}";`);
  }

  #range(points, start, end, dropped) {
    let text = "";
    let at = start;
    while (points.length && points[0].start < end) {
      const point = points.shift();
      text += this.text.slice(at, point.start);
      const original = this.#range(points, point.start, point.end, dropped);
      const mutants = point.mutants.filter(({ n }) => !dropped.has(n));
      text += mutants.length ? KINDS[point.kind](original, mutants) : original;
      at = point.end;
    }
    return text + this.text.slice(at, end);
  }
}

const keyOf = ({ scope, operator, from, to }) => `${scope}: ${operator}: ${from} → ${to}`;
const mark = (n, text) => `/*${n}{*/${text}/*}${n}*/`;
/** How a point of each kind is written, given its text with the points within it: mutants are switched on, or take no place at all. */
const KINDS = {
  expression: (original, mutants) =>
    mutants.reduce((text, { n, to }) => `(${mark(n, `mutated_(${n}) ? ${to} :`)} ${text})`, original),
  statement: (original, mutants) =>
    `{ ${mutants.map(({ n, to }) => mark(n, `if (mutated_(${n})) { ${to} } else`)).join(" ")} { ${original} } }`,
  instead: (_, mutants) => mutants.map(({ to }) => to).join(""),
  insert: (original, mutants) => original + mutants.map(({ n, to }) => mark(n, to)).join(""),
  assembly: (original) => `{ uint256 mutant = mutant_(); ${original.replace("{", `{ ${PICK}`)} }`,
  yul: (original, mutants) =>
    `switch mutant ${mutants.map(({ n, to }) => mark(n, `case ${n} { ${to} }`)).join(" ")} default { ${original} }`,
  yulLet: (original, mutants) => {
    const [, names] = original.match(/^let\s+([^:]*):=/);
    const assigned = (text) => text.replace(/^let\s+/, "");
    return `let ${names} ${KINDS.yul(
      assigned(original),
      mutants.map(({ n, to }) => ({ n, to: assigned(to) })),
    )}`;
  },
  yulExpression: (original, mutants) =>
    mutants.reduce((text, { n, to }) => mark(n, `pick(eq(mutant, ${n}), ${to}, ${text})`), original),
};
const PICK =
  "function pick(on_, to_, from_) -> value_ { switch on_ case 0 { value_ := from_ } default { value_ := to_ } }";

const rangeOf = ({ src }) => {
  const [start, length] = src.split(":").map(Number);
  return { start, end: start + length };
};

const typeOf = (node) => node.typeDescriptions?.typeString ?? "";
const isRational = (node) => /^(int|rational)_const /.test(typeOf(node));
const isInteger = (type) => /^u?int\d+$/.test(type);
const isConstant = (node) => node.nodeType === "VariableDeclaration" && node.constant;

/** Constants are mutated where they are used: one more than it is. */
function constantsOf(file, tree, constants) {
  const scopes = [tree, ...tree.nodes.filter(({ nodeType }) => nodeType === "ContractDefinition")];
  for (const scope of scopes) {
    for (const node of scope.nodes.filter(isConstant)) {
      const type = typeOf(node);
      const to = isInteger(type)
        ? (name) => `${name} + 1`
        : type === "bytes32" && ((name) => `bytes32(uint256(${name}) + 1)`);
      if (to) constants.set(node.id, { file, node: { ...node, ...rangeOf(node) }, scope: scope.name ?? "", to });
    }
  }
}

/** Visits a syntax tree and adds what can be mutated to its file. */
class Finder {
  #scope = "";

  constructor(file, constants) {
    Object.assign(this, { file, constants });
  }

  visit(node, parents) {
    if (node.nodeType === "ContractDefinition" && node.contractKind === "interface") return;
    if (SKIPPED.has(node.nodeType) || isConstant(node)) return;
    if (node.nodeType === "FunctionDefinition" || node.nodeType === "ModifierDefinition")
      this.#scope = node.name || node.kind;
    this[node.nodeType]?.(node, parents);
    if (node.nodeType === "InlineAssembly") return;
    const below = [node, ...parents];
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (child?.nodeType) this.visit(child, below);
    }
  }

  #text(node) {
    const { start, end } = rangeOf(node);
    return this.file.text.slice(start, end);
  }

  /** Text of `outer` in which `replaced` is `to`. */
  #with(outer, replaced, to) {
    const { start, end } = rangeOf(outer);
    const inner = rangeOf(replaced);
    return this.file.text.slice(start, inner.start) + to + this.file.text.slice(inner.end, end);
  }

  /** A mutant of an expression, switched in the smallest one around it that may be an operand of `?:` with its type kept. */
  #expression(node, parents, operator, to) {
    const host = hostOf(node, parents);
    if (!host) return;
    const { start, end } = rangeOf(host);
    const changed = this.#with(host, node, to);
    const n = this.file.add(rangeOf(node), this.#scope, operator, this.#text(host), changed);
    this.file.point("expression", start, end, n, changed);
  }

  #statement(node, operator, from, to) {
    const { start, end } = rangeOf(node);
    const n = this.file.add({ start }, this.#scope, operator, from, to || "nothing");
    // Of statements only a bare return has its semicolon within.
    this.file.point("statement", start, this.file.text.indexOf(";", end - 1) + 1, n, to && `${to};`);
  }

  // ---- Operators ----

  BinaryOperation(node, parents) {
    const { leftExpression: left, rightExpression: right, operator } = node;
    if (this.#isExtreme(node, parents[0])) {
      this.#expression(node, parents, "operator", `!(${this.#text(node)})`);
      return;
    }
    const [{ end }, { start }] = [rangeOf(left), rangeOf(right)];
    const between = this.file.text.slice(end, start).replace(operator, BINARY[operator]);
    this.#expression(node, parents, "operator", this.#text(left) + between + this.#text(right));
  }

  /** Of `a < b ? a : b` and `if (a < b) a = b` the boundary makes no difference. */
  #isExtreme({ leftExpression: left, rightExpression: right, operator }, parent) {
    if (!/^[<>]=?$/.test(operator)) return false;
    const { expression: set } = parent.falseBody ? {} : (parent.trueBody ?? {});
    const pair =
      parent.nodeType === "Conditional"
        ? [parent.trueExpression, parent.falseExpression]
        : set?.operator === "=" && [set.leftHandSide, set.rightHandSide];
    const texts = (nodes) => nodes.map((part) => this.#text(part)).sort();
    return pair && String(texts(pair)) === String(texts([left, right]));
  }

  Assignment(node, parents) {
    const operator = node.operator.slice(0, -1);
    if (!operator) return;
    const [{ end }, { start }] = [rangeOf(node.leftHandSide), rangeOf(node.rightHandSide)];
    const between = this.file.text.slice(end, start).replace(operator, BINARY[operator]);
    this.#expression(
      node,
      parents,
      "operator",
      this.#text(node.leftHandSide) + between + this.#text(node.rightHandSide),
    );
  }

  UnaryOperation(node, parents) {
    const to = { "++": "--", "--": "++", "-": "", "!": "", "~": "" }[node.operator];
    if (to !== undefined) this.#expression(node, parents, "operator", this.#text(node).replace(node.operator, to));
  }

  Literal(node, parents) {
    if (node.kind === "bool") this.#expression(node, parents, "literal", node.value === "true" ? "false" : "true");
    if (node.kind !== "number" || !isRational(node)) return;
    const text = this.#text(node);
    this.#expression(node, parents, "literal", oneMore(text));
  }

  Identifier(node, parents) {
    const constant = this.constants.get(node.referencedDeclaration);
    const host = constant && hostOf(node, parents);
    if (!host || parents.some(isConstant)) return;
    const to = constant.to(this.#text(node));
    constant.n ??= constant.file.add(
      constant.node,
      constant.scope,
      "constant",
      constant.node.name,
      constant.to(constant.node.name),
    );
    const { start, end } = rangeOf(host);
    this.file.point("expression", start, end, constant.n, this.#with(host, node, to));
  }

  MemberAccess(node, parents) {
    this.Identifier(node, parents);
  }

  // ---- Conditions, returned values, arguments ----

  #negate(node, parents, operator) {
    if (node.operator || node.nodeType === "Literal") return; // mutated as such: who notices a boundary notices a negation
    this.#expression(node, parents, operator, `!(${this.#text(node)})`);
  }

  #condition(node, parents) {
    if (node.condition) this.#negate(node.condition, [node, ...parents], "condition");
  }

  IfStatement = this.#condition;
  WhileStatement = this.#condition;
  DoWhileStatement = this.#condition;
  ForStatement = this.#condition;
  Conditional = this.#condition;

  Return(node, parents) {
    const { expression } = node;
    if (!expression) return this.#statement(node, "removal", this.#text(node), "");
    const isTuple = expression.nodeType === "TupleExpression" && expression.components.length > 1;
    for (const value of isTuple ? expression.components : [expression]) {
      const above = isTuple ? [expression, node, ...parents] : [node, ...parents];
      const type = typeOf(value);
      if (type === "bool") this.#negate(value, above, "return");
      else if (!isRational(value)) {
        const zero = zeroOf(value);
        if (zero && zero !== this.#text(value)) this.#expression(value, above, "return", zero);
      }
    }
  }

  FunctionCall(node, parents) {
    if (node.kind === "typeConversion") return;
    const { arguments: given } = node;
    for (let i = 1; i < given.length; i++) {
      const [a, b] = [given[i - 1], given[i]];
      if (typeOf(a) !== typeOf(b) || isRational(a) || this.#text(a) === this.#text(b)) continue;
      this.#swap(node, parents, a, b);
    }
  }

  TupleExpression(node, parents) {
    const parts = node.components.filter(Boolean);
    if (node.lValueRequested || parts.length < 2) return;
    for (let i = 1; i < parts.length; i++) {
      const [a, b] = [parts[i - 1], parts[i]];
      if (typeOf(a) === typeOf(b) && !isRational(a) && this.#text(a) !== this.#text(b)) this.#swap(node, parents, a, b);
    }
  }

  #swap(node, [parent, ...above], a, b) {
    const [start, end] = [rangeOf(a).start - rangeOf(node).start, rangeOf(b).end - rangeOf(node).start];
    const between = this.file.text.slice(rangeOf(a).end, rangeOf(b).start);
    const text = this.#text(node);
    const to = text.slice(0, start) + this.#text(b) + between + this.#text(a) + text.slice(end);
    if (STATEMENTS.has(parent.nodeType))
      this.#statement(parent, "swap", this.#text(parent), this.#with(parent, node, to));
    else this.#expression(node, [parent, ...above], "swap", to);
  }

  // ---- Removed statements and modifiers ----

  #removal(node, [parent]) {
    if (parent.nodeType === "ForStatement" && node !== parent.body) return;
    if (typeOf(node.expression?.leftHandSide ?? {}).endsWith("storage pointer")) return; // would not compile: it points nowhere
    const assigned = node.expression?.leftHandSide?.components?.filter(Boolean) ?? [];
    if (assigned.length < 2) this.#statement(node, "removal", this.#text(node), "");
    else for (const part of assigned) this.#statement(node, "removal", this.#text(node), this.#with(node, part, ""));
  }

  ExpressionStatement = this.#removal;
  EmitStatement = this.#removal;
  RevertStatement = this.#removal;
  Continue = this.#removal;
  Break = this.#removal;

  /** A modifier, which checks before the body, becomes a call that can be left out, of an empty function which has it. */
  FunctionDefinition(node) {
    for (const modifier of node.modifiers.filter(({ kind }) => kind === "modifierInvocation")) {
      const n = this.file.add(rangeOf(modifier), this.#scope, "modifier", this.#text(modifier), "nothing");
      const given = modifier.arguments ?? [];
      const called = given.map((argument) => this.#text(argument)).join(", ");
      const taken = given.map((argument, i) => `${typeOf(argument)} a${i}`).join(", ");
      const passed = given.length ? `(${given.map((_, i) => `a${i}`).join(", ")})` : "";
      const name = this.#text(modifier.modifierName);
      const [head, body] = [rangeOf(modifier), rangeOf(node.body)];
      this.file.point("instead", head.start, head.end, n, "");
      this.file.point("insert", body.start, body.start + 1, n, ` if (!mutated_(${n})) mutant${n}_(${called});`);
      this.file.point(
        "insert",
        body.end - 1,
        body.end,
        n,
        ` function mutant${n}_(${taken}) private ${name}${passed} {}`,
      );
    }
  }

  // ---- Assembly ----

  InlineAssembly(node) {
    const { start, end } = rangeOf(node);
    this.file.point("assembly", start, end, 0);
    this.#yulBlock(node.AST);
  }

  #yulBlock({ statements }) {
    for (const node of statements) {
      const blocks = [node.pre, node.post, node.body, node.nodeType === "YulBlock" ? node : undefined];
      for (const block of blocks) if (block) this.#yulBlock(block);
      if (node.condition) this.#yulExpression(node.condition);
      else if (YUL_STATEMENTS.has(node.nodeType)) this.#yulStatement(node);
    }
  }

  #yulStatement(node) {
    const { start, end } = rangeOf(node);
    const kind = node.nodeType === "YulVariableDeclaration" ? "yulLet" : "yul";
    const add = (operator, part, text) => {
      const n = this.file.add(rangeOf(part), this.#scope, operator, this.#text(node), text || "nothing");
      this.file.point(kind, start, end, n, text);
    };
    for (const [part, to] of yulChanges(node.value ?? node.expression, (n) => this.#text(n)))
      add("assembly", part, this.#with(node, part, to));
    if (kind === "yul") add("removal", node, "");
  }

  /** A condition: without effects, so that original and mutant can both be worked out. */
  #yulExpression(node) {
    const { start, end } = rangeOf(node);
    for (const [part, to] of yulChanges(node, (n) => this.#text(n))) {
      const changed = this.#with(node, part, to);
      const n = this.file.add(rangeOf(part), this.#scope, "assembly", this.#text(node), changed);
      this.file.point("yulExpression", start, end, n, changed);
    }
  }
}

const SKIPPED = new Set([
  ...["ImportDirective", "UsingForDirective", "ArrayTypeName"],
  ...["StructDefinition", "EventDefinition", "ErrorDefinition", "OverrideSpecifier"],
]);
const STATEMENTS = new Set(["ExpressionStatement", "EmitStatement", "RevertStatement"]);
const YUL_STATEMENTS = new Set(["YulAssignment", "YulExpressionStatement", "YulVariableDeclaration"]);

/** The smallest expression around `node`, or it, that can be an operand of `?:` whose other operand is a mutant of it. */
function hostOf(node, parents) {
  let [host, above] = [node, parents];
  // A number without a type would get the smallest that holds it.
  while (isRational(host) && takesItsType(above[0])) [host, ...above] = above;
  const isCall = /^(Emit|Revert|Try)Statement$/.test(above[0].nodeType);
  return host.lValueRequested || isCall || typeOf(host) === "tuple()" ? undefined : host;
}

function takesItsType({ nodeType, kind, components }) {
  if (nodeType === "TupleExpression") return components.length === 1;
  return nodeType === "BinaryOperation" || nodeType === "UnaryOperation" || kind === "typeConversion";
}

function oneMore(literal) {
  if (/^0x/.test(literal)) return `0x${(BigInt(literal) + 1n).toString(16).padStart(literal.length - 2, "0")}`;
  return /^[\d_]+$/.test(literal) ? `${BigInt(literal.replaceAll("_", "")) + 1n}` : `(${literal} + 1)`;
}

function zeroOf({ typeDescriptions: { typeString, typeIdentifier } }) {
  if (isInteger(typeString)) return "0";
  if (/^(address|bytes\d+)$/.test(typeString)) return `${typeString}(0)`;
  return typeIdentifier.startsWith("t_userDefinedValueType") ? `${typeString}.wrap(0)` : undefined;
}

/** What can be changed in an expression of assembly: pairs of a part and the text instead of it. */
function* yulChanges(node, textOf) {
  if (node.nodeType === "YulLiteral" && node.kind === "number") yield [node, oneMore(textOf(node))];
  if (node.nodeType !== "YulFunctionCall") return;
  const [name, text] = [node.functionName.name, textOf(node)];
  if (YUL[name]) yield [node, YUL[name] + text.slice(name.length)];
  if (name === "eq" || name === "iszero") yield [node, `iszero(${text})`];
  const isNothing = name === "revert" && textOf(node.arguments[1]) === "0"; // from wherever it is
  for (const argument of isNothing ? node.arguments.slice(1) : node.arguments) yield* yulChanges(argument, textOf);
}
