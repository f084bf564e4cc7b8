//! Descriptions that are written by hand, after the sources that each names: `gitlab.json`, `gerrit.json`.
//!
//! A type is a text (`string|null`, `'NEW'|'MERGED'`, or the name of another type), a list of one type, or an object.
//! A name with a question mark may be missing, `*` stands for any name, and `...` takes over the fields of other types.
//! An object has no fields that are not named. `|` is one word of several lines of words.

use serde_json::{Map, Value, json};

/// In the form of the other descriptions.
pub fn described(written: &str) -> Value {
    let written: Value = serde_json::from_str(written).unwrap();
    let types = written["types"].as_object().unwrap();
    let schemas: Map<_, _> = types.iter().map(|(name, node)| (name.clone(), schema(types, node))).collect();
    let mut paths = json!({});
    for (name, node) in written["operations"].as_object().unwrap() {
        let (method, path) = name.split_once(' ').unwrap();
        let each = |field: &str| {
            let all = node[field].as_object().into_iter().flatten();
            all.map(|(name, node)| (name.clone(), schema(types, node))).collect::<Map<_, _>>()
        };
        let mut operation = json!({"query": each("query"), "answers": each("answers")});
        if let Some(body) = node.get("body") {
            operation["body"] = schema(types, body);
        }
        paths[path][method.to_lowercase()] = operation;
    }
    json!({"paths": paths, "components": {"schemas": schemas}})
}

fn schema(types: &Map<String, Value>, node: &Value) -> Value {
    match node {
        Value::String(text) => {
            let mut all: Vec<Value> = text.split('|').map(|word| named(types, word)).collect();
            if all.len() == 1 { all.remove(0) } else { json!({"anyOf": all}) }
        }
        Value::Array(of) => json!({"type": "array", "items": schema(types, &of[0])}),
        Value::Object(fields) => object(types, fields),
        other => panic!("not a type: {other}"),
    }
}

fn named(types: &Map<String, Value>, word: &str) -> Value {
    match word {
        "any" => json!({}),
        "null" | "string" | "integer" | "number" | "boolean" => json!({"type": word}),
        _ if word.starts_with('\'') => json!({"enum": [word.trim_matches('\'')]}),
        name => {
            assert!(types.contains_key(name), "no type is called {name}");
            json!({"$ref": format!("#/components/schemas/{name}")})
        }
    }
}

fn object(types: &Map<String, Value>, fields: &Map<String, Value>) -> Value {
    if let Some(lines) = fields.get("|") {
        let lines = lines.as_array().unwrap().iter().flat_map(|line| line.as_str().unwrap().split(' '));
        return json!({"enum": lines.collect::<Vec<_>>()});
    }
    if let Some(each) = fields.get("*") {
        return json!({"type": "object", "additionalProperties": schema(types, each)});
    }
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, node) in whole(types, fields) {
        let plain = name.trim_end_matches('?');
        if plain == name {
            required.push(plain.to_owned());
        }
        properties.insert(plain.to_owned(), schema(types, &node));
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// The fields of an object with those that it takes over.
fn whole(types: &Map<String, Value>, fields: &Map<String, Value>) -> Vec<(String, Value)> {
    let taken = fields.get("...").and_then(Value::as_str).into_iter().flat_map(|names| names.split(' '));
    let taken = taken.flat_map(|name| whole(types, types[name].as_object().unwrap()));
    let own = fields.iter().filter(|(name, _)| *name != "...").map(|(name, node)| (name.clone(), node.clone()));
    taken.chain(own).collect()
}
