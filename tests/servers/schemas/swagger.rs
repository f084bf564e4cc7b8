//! Forgejo's description of its API, which is Gitea's with additions. It is read where cargo put the package that ships
//! it (`forgejo/Cargo.toml`), and not copied.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

/// What a schema says to people, and what only generators of clients read.
const FOR_PEOPLE: [&str; 5] = ["description", "example", "title", "default", "format"];

/// None, said aloud, where the package cannot be had.
pub fn forgejo() -> Option<Value> {
    match file().and_then(|file| read(&file)) {
        Ok(swagger) => Some(described(&swagger)),
        Err(why) => {
            let must = std::env::var_os("UNDERSIGN_TEST_FORGEJO").is_some();
            assert!(!must, "the package that ships Forgejo's swagger cannot be had: {why}");
            eprintln!("skipped: what Gitea and Forgejo are asked is not checked against Forgejo's swagger: {why}");
            None
        }
    }
}

fn read(file: &Path) -> Result<Value, String> {
    let text = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// Fetches the package, if it is not there yet.
fn file() -> Result<PathBuf, String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/schemas/forgejo/Cargo.toml");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let told = Command::new(cargo)
        .args(["metadata", "--locked", "--format-version", "1", "--manifest-path", manifest])
        .output()
        .map_err(|error| error.to_string())?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).into_owned());
    }
    let told: Value = serde_json::from_slice(&told.stdout).map_err(|error| error.to_string())?;
    let mut packages = told["packages"].as_array().into_iter().flatten();
    let found = packages.find(|package| package["name"] == "forgejo-api");
    let manifest = found.and_then(|package| package["manifest_path"].as_str()).ok_or("cargo does not know it")?;
    Ok(Path::new(manifest).with_file_name("swagger.v1.json"))
}

/// What is sent and what is answered have the same names, and are not the same: only in an answer may a value be null.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Sent,
    Told,
}

/// The operations of version 2.0 of Swagger in the form of the other descriptions.
fn described(swagger: &Value) -> Value {
    let paths = swagger["paths"].as_object().unwrap().iter().map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        let methods: Map<_, _> = methods.map(|(method, node)| (method.clone(), operation(swagger, node))).collect();
        (path.clone(), Value::from(methods))
    });
    let definitions = |side| {
        let all = swagger["definitions"].as_object().unwrap().iter();
        all.map(|(name, node)| (name.clone(), schema(node, side))).collect::<Map<_, _>>()
    };
    let paths: Map<_, _> = paths.collect();
    json!({"paths": paths, "components": {"sent": definitions(Side::Sent), "told": definitions(Side::Told)}})
}

fn operation(swagger: &Value, node: &Value) -> Value {
    let parameters = || node["parameters"].as_array().into_iter().flatten();
    let query = parameters().filter(|one| one["in"] == "query").map(|one| {
        let kept =
            ["type", "enum", "items"].iter().filter_map(|word| Some(((*word).to_owned(), one.get(word)?.clone())));
        (one["name"].as_str().unwrap().to_owned(), Value::from(kept.collect::<Map<_, _>>()))
    });
    let mut out = json!({"query": query.collect::<Map<_, _>>()});
    if let Some(body) = parameters().find(|one| one["in"] == "body") {
        out["body"] = schema(&body["schema"], Side::Sent);
    }
    let answers = node["responses"].as_object().unwrap().iter().filter_map(|(status, answer)| {
        let name = answer["$ref"].as_str().map(|path| path.trim_start_matches('#'));
        let answer = name.map_or(answer, |path| swagger.pointer(path).unwrap());
        Some((status.clone(), schema(answer.get("schema")?, Side::Told)))
    });
    out["answers"] = Value::from(answers.collect::<Map<_, _>>());
    out
}

/// Version 2.0 cannot say that a value may be null. Go writes null for a time or an object that is not there, and for a
/// list without entries.
fn schema(node: &Value, side: Side) -> Value {
    let Value::Object(own) = node else { return node.clone() };
    if let Some(name) = own.get("$ref").and_then(Value::as_str) {
        let side = if side == Side::Sent { "sent" } else { "told" };
        return json!({"$ref": name.replace("#/definitions/", &format!("#/components/{side}/"))});
    }
    let mut out = Map::new();
    for (word, value) in own.iter().filter(|(word, _)| !FOR_PEOPLE.contains(&word.as_str()) && !word.starts_with("x-"))
    {
        let value = match word.as_str() {
            "properties" => {
                let all = value.as_object().unwrap().iter();
                all.map(|(name, node)| (name.clone(), property(node, side))).collect::<Map<_, _>>().into()
            }
            "items" | "additionalProperties" => schema(value, side),
            _ => value.clone(),
        };
        out.insert(word.clone(), value);
    }
    if out.contains_key("properties") {
        out.entry("additionalProperties").or_insert_with(|| json!(false));
    }
    Value::from(out)
}

fn property(node: &Value, side: Side) -> Value {
    let is_pointer = node["$ref"].is_string() || node["type"] == "array" || node["format"] == "date-time";
    let own = schema(node, side);
    if side == Side::Told && is_pointer { json!({"anyOf": [own, {"type": "null"}]}) } else { own }
}

#[test]
fn what_forgejo_ships_is_its_description_with_all_that_is_asked_of_it() {
    let Some(whole) = super::GITEA.as_ref() else { return };
    let reviews = &whole["paths"]["/repos/{owner}/{repo}/pulls/{index}/reviews"];
    let words: BTreeSet<&String> = reviews.as_object().unwrap().keys().collect();
    assert_eq!(words, BTreeSet::from([&"get".to_owned(), &"post".to_owned()]));
    assert_eq!(reviews["post"]["body"]["$ref"], "#/components/sent/CreatePullReviewOptions");
}
