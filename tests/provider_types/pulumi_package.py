"""What a pulumi_aws package declares, read from its sources without importing them: tokens, properties, their kinds."""
import ast
import functools
import pathlib
import re


def wire_name(function):
    """A property's name in Pulumi's own spelling."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pulumi.getter":
            return decorator.keywords[0].value.value
    return function.name


def getters(node):
    return [item for item in node.body if isinstance(item, ast.FunctionDef) and
            any(ast.unparse(decorator).endswith("property") for decorator in item.decorator_list)]


def required_of(node):
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return {argument.arg for argument, default in zip(item.args.kwonlyargs, item.args.kw_defaults) if default is None}
    return set()


def file_of(folder, name):
    """`BucketCorsConfigurationV2` is in bucket_cors_configuration_v2.py, `BucketObjectv2` in bucket_objectv2.py."""
    return folder / (re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() + ".py")


class Package:
    def __init__(self, root):
        self.root = pathlib.Path(root)

    @functools.cache
    def classes(self, path):
        return {node.name: node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)}

    def properties(self, folder, node):
        required = required_of(node)
        found = {}
        for getter in getters(node):
            annotation = ast.unparse(getter.returns)
            nested = re.search(r"'(\w+Args)'", annotation)
            members = self.classes(folder / "_inputs.py").get(nested[1]) if nested else None
            found[wire_name(getter)] = {
                "list": "Sequence[" in annotation, "map": "Mapping[" in annotation, "required": getter.name in required,
                "block": members is not None, "flag": ".bool" in annotation, "number": bool(re.search(r"\.(int|float)\b", annotation)),
                "members": self.properties(folder, members) if members else {}}
        return found

    def resource(self, token):
        """{inputs, outputs}, or None where this version has no such type."""
        module, name = re.fullmatch(r"aws:(\w+)/\w+:(\w+)", token).groups()
        folder = self.root / module
        path = file_of(folder, name)
        if not path.exists() or f"'{token}'" not in path.read_text(encoding="utf-8"):
            return None
        classes = self.classes(path)
        # `InitArgs` where a block of the type has the name already.
        arguments = classes.get(name + "InitArgs") or classes[name + "Args"]
        return {"inputs": self.properties(folder, arguments), "outputs": {wire_name(getter) for getter in getters(classes[name])}}

    def function(self, token):
        """{arguments, results}, or None."""
        module, name = re.fullmatch(r"aws:(\w+)/\w+:(\w+)", token).groups()
        folder = self.root if module == "index" else self.root / module
        path = file_of(folder, name)
        if not path.exists():
            return None
        tree = ast.parse(path.read_text(encoding="utf-8"))
        declared = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == path.stem)
        assigned = {target.slice.value for node in ast.walk(declared) if isinstance(node, ast.Assign) for target in node.targets
                    if isinstance(target, ast.Subscript) and ast.unparse(target.value) == "__args__"}
        return {"arguments": assigned}
