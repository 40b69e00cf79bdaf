"""Let a check that does not hold say so, with its numbers, and go on.

Run in the kernel of a chapter before its first cell. Every `assert` of the
chapter then shows, where it fails, both sides of its comparison, and the cell
goes on: on another processor that is a finding, not the end of the chapter.
How far each comparison of two numbers was from failing is kept in
`__margins__`, {check: [right less left, or left less right]}.
"""


def report_checks():
    import ast
    import builtins
    import operator

    import numpy as np
    from IPython import get_ipython
    from IPython.display import display

    signs = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
             ast.Eq: "=="}
    holds = {"<": operator.lt, "<=": operator.le, ">": operator.gt,
             ">=": operator.ge, "==": operator.eq}

    def check(source, between, *sides):
        sides = [side.numpy() if hasattr(side, "numpy") else side
                 for side in sides]
        pairs = list(zip(sides, between, sides[1:]))
        single = all(np.ndim(side) == 0 for side in sides)
        for a, sign, b in pairs:
            if sign != "==" and single and type(a) is not bool:
                builtins.__margins__.setdefault(source, []).append(float(
                    f"{(b - a) * (1 if '<' in sign else -1):.4g}"))
        if not (all(holds[sign](a, b) for a, sign, b in pairs)
                if pairs else sides[0]):
            numbers = "".join(f"{side} {sign} " for side, sign
                              in zip(sides, [*between, ""])).strip()
            display({"text/markdown":
                     f"**This check did not hold in this run:** `{source}`"
                     + f", where `{numbers}`" * bool(pairs and single)},
                    raw=True, metadata={"vae_tf_check": "failed"})

    class Checks(ast.NodeTransformer):
        def visit_Assert(self, node):
            test = node.test
            if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
                return [self.visit_Assert(ast.copy_location(
                    ast.Assert(part), node)) for part in test.values]
            between, sides = [], [test]
            if isinstance(test, ast.Compare) and all(
                    type(sign) in signs for sign in test.ops):
                between = [signs[type(sign)] for sign in test.ops]
                sides = [test.left, *test.comparators]
            call = ast.Expr(ast.Call(
                ast.Name("__check__", ast.Load()),
                [ast.Constant(ast.unparse(test)), ast.Constant(tuple(between)),
                 *sides], []))
            return ast.fix_missing_locations(ast.copy_location(call, node))

    builtins.__check__, builtins.__margins__ = check, {}
    get_ipython().ast_transformers.append(Checks())


report_checks()
del report_checks
