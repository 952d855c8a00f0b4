"""Resolves template.yaml for one stack, as CloudFormation does: it evaluates conditions and fills in parameters and names."""

import pathlib
import re

from samcli.yamlhelper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
NO_VALUE = object()


class Stack:
    """A stack. `resources` are those whose condition holds. A placeholder stands for a value that only AWS knows: blue/Queue.Arn for
    the ARN of the queue of the stack blue."""

    def __init__(self, name="blue", region="eu-west-1", template=TEMPLATE, **parameters):
        self.name, self.template = name, template
        self.values = {"AWS::StackName": name, "AWS::Region": region, "AWS::AccountId": "123456789012",
                       "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": NO_VALUE}
        declared = template.get("Parameters", {})
        assert parameters.keys() <= declared.keys(), parameters
        for parameter, it in declared.items():
            value = parameters.get(parameter, it["Default"])
            assert re.fullmatch(it.get("AllowedPattern", ".*"), str(value)), (parameter, value)
            self.values[parameter] = value.split(",") if it["Type"] == "CommaDelimitedList" else value
        self.resources = {
            logical_id: self.resolved(it) for logical_id, it in template["Resources"].items()
            if "Condition" not in it or self.holds(it["Condition"])
        }
        self.outputs = {name: self.resolved(it["Value"]) for name, it in template.get("Outputs", {}).items()}

    def of_type(self, resource_type):
        """The properties of all resources of this type, by logical id."""
        return {logical_id: it["Properties"] for logical_id, it in self.resources.items() if it["Type"] == resource_type}

    def environment(self, function):
        """The environment variables of a function, including those of Globals."""
        of_all = self.resolved(self.template["Globals"]["Function"]["Environment"]["Variables"])
        return of_all | self.resources[function]["Properties"].get("Environment", {}).get("Variables", {})

    def holds(self, condition):
        return self.decided(self.template["Conditions"][condition])

    def decided(self, condition):
        [(function, operands)] = condition.items()
        if function == "Condition":
            return self.holds(operands)
        if function == "Fn::Equals":
            return len({str(self.resolved(operand)) for operand in operands}) == 1
        return {"Fn::Not": lambda it: not it[0], "Fn::And": all, "Fn::Or": any}[function](
            [self.decided(operand) for operand in operands])

    def resolved(self, value):
        if isinstance(value, list):
            return [it for it in map(self.resolved, value) if it is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, operand)] = value.items()
            if function == "Ref":
                return self.value(operand)
            if function == "Fn::GetAtt":
                return self.value(operand if isinstance(operand, str) else ".".join(operand))
            if function == "Fn::Sub":
                text, more = operand if isinstance(operand, list) else (operand, {})
                more = {name: self.resolved(it) for name, it in more.items()}
                filled = re.sub(r"\$\{([^!}]+)\}", lambda name: str(more.get(name[1], self.value(name[1]))), text)
                return filled.replace("${!", "${")
            if function == "Fn::If":
                condition, then, otherwise = operand
                return self.resolved(then if self.holds(condition) else otherwise)
            if function == "Fn::Join":
                return operand[0].join(self.resolved(operand[1]))
            if function == "Fn::FindInMap":
                name, first, second = map(self.resolved, operand)
                return self.template["Mappings"][name][first][second]
            assert not function.startswith("Fn::"), function
        found = {name: self.resolved(it) for name, it in value.items()}
        return {name: it for name, it in found.items() if it is not NO_VALUE}

    def value(self, name):
        return self.values[name] if name in self.values else f"{self.name}/{name}"


def mentioned(value):
    """The logical ids that a resource refers to, for which CloudFormation makes it wait."""
    if isinstance(value, list):
        return set().union(*map(mentioned, value))
    if not isinstance(value, dict):
        return set()
    found = set()
    for name, it in value.items():
        if name in ("Ref", "Fn::GetAtt"):
            found.add((it if isinstance(it, str) else it[0]).partition(".")[0])
        elif name == "Fn::Sub":
            text = it[0] if isinstance(it, list) else it
            found |= {name.partition(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text)}
        elif name == "DependsOn":
            found |= {it} if isinstance(it, str) else set(it)
        found |= mentioned(it)
    return found & TEMPLATE["Resources"].keys()
