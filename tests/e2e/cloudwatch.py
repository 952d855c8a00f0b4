"""Computes the state of an alarm of the template by the rules of CloudWatch's documentation ("Using metric math", "Configuring how
CloudWatch alarms treat missing data"). `data` holds one value for each period, the newest last. None means that nothing was reported."""

import re


def points(alarm, data):
    """The time series that is compared with the threshold."""
    if "Metrics" not in alarm:
        [series] = data.values()
        return series
    [expression] = [it["Expression"] for it in alarm["Metrics"] if "Expression" in it]
    assert data.keys() == {it["Id"] for it in alarm["Metrics"] if "MetricStat" in it}, data
    return [at(expression, {name: series[n] for name, series in data.items()}) for n in range(len(next(iter(data.values()))))]


def at(expression, values):
    """The value of the expression in one period, or None if it needs a metric that is missing and not filled."""
    filled = re.sub(r"FILL\((\w+), 0\)", lambda it: str(values[it[1]] or 0), expression)
    assert "FILL" not in filled, expression
    bare = {name for name in values if re.search(rf"\b{name}\b", filled)}
    if any(values[name] is None for name in bare):
        return None
    python = re.sub(r"\bIF\(", "choose(", filled).replace(" AND ", " and ")
    choose = lambda condition, then, otherwise=None: then if condition else otherwise
    return eval(python, {"__builtins__": {}}, {"choose": choose, "MAX": max} | {name: values[name] for name in bare})


def state(alarm, before="OK", **data):
    """The state after the newest period. `before` is the state until then."""
    series, evaluated = points(alarm, data), alarm["EvaluationPeriods"]
    enough = alarm.get("DatapointsToAlarm", evaluated)
    real = [point for point in series if point is not None]
    # Older points replace missing ones. If there are too few, all of them count, and TreatMissingData decides about the rest.
    newest = (real + [None] * evaluated)[:evaluated] if len(real) < evaluated else real[-evaluated:]
    over = {"GreaterThanThreshold": lambda point: point > alarm["Threshold"],
            "GreaterThanOrEqualToThreshold": lambda point: point >= alarm["Threshold"],
            "LessThanThreshold": lambda point: point < alarm["Threshold"]}[alarm["ComparisonOperator"]]
    breaching = sum(point is not None and over(point) for point in newest)
    missing = newest.count(None)
    if alarm["TreatMissingData"] == "breaching":
        breaching += missing
    if breaching >= enough:
        return "ALARM"
    if alarm["TreatMissingData"] == "ignore" and breaching + missing >= enough:
        return before
    return "OK"
