//! The value of a text: `1000ms` and `1s` are the same duration, `0.0.0.0/0` is wider than `10.0.0.0/8`.

use core::net::IpAddr;

/// A value with its unit.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::risk) enum Value {
    /// No value: a call without arguments, a block.
    None,
    Bool(bool),
    /// A number without a unit, or with an unknown one.
    Number(f64),
    /// Seconds.
    Duration(f64),
    /// Bytes.
    Size(f64),
    /// Percent.
    Share(f64),
    /// An address range: whether it is of IPv6, and how many leading bits are fixed.
    Network {
        text: String,
        is_v6: bool,
        prefix: u8,
    },
    /// All conditions of a rule of a filter, sorted; none fits everything.
    Match(Vec<String>),
    /// There is no limit: `null`, `None`, `-1` or `0` if they mean that, `Infinity`.
    Unbounded,
    /// A literal text.
    Text(String),
    /// An expression of unknown value.
    Expression(String),
}

impl Value {
    /// The value of a literal, without its quotes if it has any, or of an expression of literals (`10 * time.Second`,
    /// `Duration.ofSeconds(5)`, `5.minutes`, `60 * 60`). The key gives the unit if the text does not (`timeout_ms`),
    /// and says whether `0` or `null` means that there is no limit.
    pub fn of(text: &str, key: &str) -> Value {
        let text = text.trim().trim_end_matches([';', ',']);
        if let Some(quoted) = unquoted(text) {
            return Value::of_text(quoted, key);
        }
        if let Some(default) = default_of(text) {
            return Value::of_text(default, key);
        }
        match Value::of_text(text, key) {
            Value::Text(text) if !is_word(&text) => Value::of_expression(&text, key),
            other => other,
        }
    }

    /// The value of a literal text from a configuration, without quotes.
    pub fn of_text(text: &str, key: &str) -> Value {
        let lower = text.trim().to_ascii_lowercase();
        match lower.as_str() {
            "true" | "yes" | "on" | "enabled" => return Value::Bool(true),
            "false" | "no" | "off" | "disabled" => return Value::Bool(false),
            "" => return Value::None,
            "inf"
            | "infinity"
            | "infinite"
            | "unlimited"
            | "math.inf"
            | "number.positive_infinity"
            | "float::infinity"
            | "timeout.infinite"
            | "timeout.infinitetimespan"
            | "number.max_safe_integer"
            | "number.max_value"
            | "integer.max_value"
            | "long.max_value"
            | "int.maxvalue"
            | "long.maxvalue"
            | "math.maxint"
            | "math.maxint32"
            | "math.maxint64"
            | "sys.maxsize"
            | "u32::max"
            | "u64::max"
            | "usize::max" => return Value::Unbounded,
            // Of another key, `never` is the name of a mode: `restart: never`.
            "never" if is_limit(key) || is_of_time(key) => return Value::Unbounded,
            "null" | "none" | "nil" | "undefined" | "~" if is_limit(key) => return Value::Unbounded,
            _ if is_endless_by_name(text, &lower) => return Value::Unbounded,
            _ => {}
        }
        if let Some(network) = network(&lower) {
            return network;
        }
        if let Some(seconds) = compound(&lower).or_else(|| iso_period(text.trim())).or_else(|| clock(&lower, key)) {
            return Value::Duration(seconds);
        }
        match quantity(&lower) {
            Some((number, unit)) => with_unit(number, unit, key).unwrap_or_else(|| Value::Text(text.to_owned())),
            None => Value::Text(text.to_owned()),
        }
    }

    fn of_expression(text: &str, key: &str) -> Value {
        if let Some(inner) = fallback(text).or_else(|| wrapped(text)) {
            let value = Value::of(inner, key);
            return if value.is_known() { value } else { Value::Expression(text.to_owned()) };
        }
        duration_call(text)
            .or_else(|| product(text))
            .map(|(number, unit)| with_unit(number, unit.as_deref().unwrap_or(""), key))
            .and_then(|value| value)
            .unwrap_or_else(|| Value::Expression(text.to_owned()))
    }

    /// The number in its base unit; infinite if there is no limit.
    pub fn amount(&self) -> Option<f64> {
        match self {
            Value::Number(n) | Value::Duration(n) | Value::Size(n) | Value::Share(n) => Some(*n),
            Value::Unbounded => Some(f64::INFINITY),
            _ => None,
        }
    }

    /// Whether both are equal: a number without a unit may be seconds or milliseconds.
    pub fn is_the_same_as(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Number(n), Value::Duration(seconds)) | (Value::Duration(seconds), Value::Number(n)) => {
                n == seconds || n / 1_000.0 == *seconds
            }
            _ => self == other,
        }
    }

    /// The amounts of two comparable values: of the same unit, or of time if one has no unit.
    pub fn amounts(&self, other: &Value) -> Option<(f64, f64)> {
        let (own, others) = self.amount().zip(other.amount())?;
        let comparable = match (self, other) {
            (Value::Unbounded, _) | (_, Value::Unbounded) => true,
            (Value::Number(_), Value::Duration(_)) | (Value::Duration(_), Value::Number(_)) => true,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other) || own == 0.0 || others == 0.0,
        };
        comparable.then_some((own, others))
    }

    /// Whether it is more than a text, so that different spellings can be equal.
    pub fn is_known(&self) -> bool {
        !matches!(self, Value::None | Value::Text(_) | Value::Expression(_))
    }

    /// For display.
    pub fn say(&self) -> String {
        match self {
            Value::None => "nothing".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(n) => plain(*n),
            Value::Share(percent) => format!("{}%", plain(*percent)),
            Value::Duration(seconds) => say_duration(*seconds),
            Value::Size(bytes) => say_size(*bytes),
            Value::Match(conditions) if conditions.is_empty() => "everything".to_owned(),
            Value::Match(conditions) => conditions.join(", "),
            Value::Network { text, .. } | Value::Text(text) | Value::Expression(text) => text.clone(),
            Value::Unbounded => "no limit".to_owned(),
        }
    }
}

/// A constant that is named after having no end: `HttpTimeoutConfig.INFINITE_TIMEOUT_MS`, `Timeout.InfiniteTimeSpan`.
fn is_endless_by_name(text: &str, lower: &str) -> bool {
    if !["infinit", "unlimited", "unbounded", "forever", "no_"].iter().any(|word| lower.contains(word)) {
        return false;
    }
    let is_path = text.chars().all(|c| c.is_alphanumeric() || "_.:".contains(c));
    let last = text.rsplit(['.', ':']).next().unwrap_or(text);
    let words = words(last);
    let has = |word: &str| words.iter().any(|own| own == word);
    let is_constant = text.contains(['.', ':']) || last.bytes().all(|byte| !byte.is_ascii_lowercase());
    let is_endless = has("infinite") || has("infinity") || has("unlimited") || has("unbounded") || has("forever");
    let of_time = has("no") && (has("timeout") || has("limit") || has("deadline"));
    is_path && is_constant && last.starts_with(char::is_uppercase) && (is_endless || of_time)
}

/// The text between quotes, if it is one literal.
fn unquoted(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(['b', 'r', 'u', 'f', 'B', 'R', 'U', 'F', '@', '$']);
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote)).then_some(inner)
}

/// Whether a text contains nothing that makes it an expression.
fn is_word(text: &str) -> bool {
    let signs = [" << ", " / "];
    !text.contains(['(', '*', '+', '[', '{', '$', '.']) && !signs.iter().any(|sign| text.contains(sign))
}

/// The default value: `8_000` of `config.timeout ?? 8_000`.
fn fallback(text: &str) -> Option<&str> {
    [" ?? ", " || ", " or ", " ?: "].iter().find_map(|sign| text.rsplit_once(sign)).map(|(_, last)| last)
}

/// The single literal that a call converts: `bool("false")`, `Some(5)`, `ptr.To(3)`. Calls that make a duration give
/// its unit, and are not included.
fn wrapped(text: &str) -> Option<&str> {
    let (callee, argument) = text.strip_suffix(')')?.split_once('(')?;
    let callee = callee.strip_prefix("new ").unwrap_or(callee);
    let is_name = !callee.is_empty() && callee.chars().all(|c| c.is_alphanumeric() || "_.:".contains(c));
    let is_literal = unquoted(argument).is_some() || literal_number(argument).is_some();
    let is_truth = matches!(argument, "true" | "false" | "True" | "False");
    (is_name && (is_literal || is_truth) && duration_call(text).is_none()).then_some(argument)
}

/// The value of an expression that is the default of a type: `bool::default()`, `long{}`, `int()`, `false.into()`.
pub(super) fn default_of(text: &str) -> Option<&'static str> {
    const MAX_BYTES: usize = 40;
    const NUMBERS: &[&str] = &[
        "int", "long", "short", "double", "float", "size_t", "ssize_t", "unsigned", "i8", "i16", "i32", "i64", "i128",
        "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64", "int32_t", "int64_t", "uint32_t",
        "uint64_t",
    ];
    if text.len() > MAX_BYTES {
        return None;
    }
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match text.as_str() {
        "false.into()" | "Boolean.FALSE" | "NSNumber(false)" => return Some("false"),
        "true.into()" | "Boolean.TRUE" => return Some("true"),
        "Duration::ZERO" | "Duration.ZERO" | "Duration::default()" | "TimeSpan.Zero" | "timedelta()" => {
            return Some("0s");
        }
        _ => {}
    }
    let name = ["::default()", "{}", "()"].iter().find_map(|end| text.strip_suffix(end))?;
    match name {
        "bool" => Some("false"),
        _ => NUMBERS.contains(&name).then_some("0"),
    }
}

/// Seconds of several units, from the largest to the smallest: `1h30m`, `30m0s`, `5min 30s`.
fn compound(text: &str) -> Option<f64> {
    let mut rest = text;
    let (mut sum, mut last, mut count) = (0.0, f64::INFINITY, 0);
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest)?;
        let size = seconds(unit).filter(|size| *size < last)?;
        (sum, last, count, rest) = (sum + number * size, size, count + 1, after.trim_start());
    }
    (count > 1).then_some(sum)
}

/// A number at the beginning of a text, the letters after it, and what follows.
fn number_and_unit(text: &str) -> Option<(f64, &str, &str)> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim_start();
    let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(letters);
    Some((number.parse().ok()?, unit, rest))
}

/// Seconds of a duration of ISO 8601, in its capitals: `PT30M`, `P30D`, `P1DT12H`. A month has 30 days, a year 365.
fn iso_period(text: &str) -> Option<f64> {
    let text = text.strip_prefix('P')?;
    let (days, times) = text.split_once('T').unwrap_or((text, ""));
    let day = 86_400.0;
    let of_days = units_in(days, &[('Y', 365.0 * day), ('M', 30.0 * day), ('W', 7.0 * day), ('D', day)])?;
    let of_times = units_in(times, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)])?;
    (!days.is_empty() || !times.is_empty()).then_some(of_days + of_times)
}

/// The sum of numbers with these units, in this order.
fn units_in(text: &str, units: &[(char, f64)]) -> Option<f64> {
    let (mut rest, mut sum, mut from) = (text, 0.0, 0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let unit = rest[end..].chars().next()?;
        let at = from + units[from..].iter().position(|(own, _)| *own == unit)?;
        sum += rest[..end].replace(',', ".").parse::<f64>().ok()? * units[at].1;
        (rest, from) = (&rest[end + 1..], at + 1);
    }
    Some(sum)
}

/// Seconds of `hh:mm:ss` or `d.hh:mm:ss`, if the key is about how long something takes: elsewhere it is a time of day.
fn clock(text: &str, key: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let is_time = parts.next().is_none() && [hours, minutes].iter().all(|part| part.len() == 2);
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| *number >= 0.0);
    if !is_time || !is_of_time(key) {
        return None;
    }
    Some(number(days)? * 86_400.0 + number(hours)? * 3_600.0 + number(minutes)? * 60.0 + number(seconds)?)
}

/// A number and its unit, if it has one.
fn quantity(text: &str) -> Option<(f64, &str)> {
    let end = text
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_digit() || matches!(c, '.' | '_') || *at == 0 && matches!(c, '-' | '+')))
        .map_or(text.len(), |(at, _)| at);
    let (number, unit) = text.split_at(end);
    let number = number.replace('_', "").parse::<f64>().ok().filter(|n| n.is_finite())?;
    let unit = unit.trim();
    unit.bytes().all(|b| b.is_ascii_alphabetic() || b"/%".contains(&b)).then_some((number, unit))
}

/// Seconds of a unit of time, by its name in lower case.
pub(super) fn seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1e-9,
        "us" | "µs" | "micro" | "micros" | "microsecond" | "microseconds" => 1e-6,
        "ms" | "milli" | "millis" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return None,
    })
}

/// Bytes of a unit of size, by its name in lower case.
fn bytes(unit: &str) -> Option<f64> {
    Some(match unit {
        "b" | "byte" | "bytes" => 1.0,
        "k" | "kb" => 1e3,
        "ki" | "kib" => 1024.0,
        "mb" => 1e6,
        "mi" | "mib" => 1_048_576.0,
        "g" | "gb" => 1e9,
        "gi" | "gib" => 1_073_741_824.0,
        "t" | "tb" => 1e12,
        "ti" | "tib" => 1_099_511_627_776.0,
        _ => return None,
    })
}

/// A number with the unit of its text, or else that of its key; none if the unit is not known.
fn with_unit(number: f64, unit: &str, key: &str) -> Option<Value> {
    let words = words(key);
    let is_about = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    let of_key = words.last().map_or("", String::as_str);
    if number == -1.0 && is_limit(key) {
        return Some(Value::Unbounded);
    }
    if unit.is_empty() {
        return Some(match (seconds(of_key), bytes(of_key)) {
            (Some(factor), _) if of_key.len() > 1 => Value::Duration(number * factor),
            (_, Some(factor)) if of_key.len() > 1 => Value::Size(number * factor),
            _ => Value::Number(number),
        });
    }
    // `500m` is half a processor or 500 minutes, `64m` is 64 MiB of memory: the key decides.
    let is_memory = is_about(&["memory", "mem", "size", "heap", "storage", "disk", "buffer", "body", "bytes"]);
    let is_processor = is_about(&["cpu", "cpus", "cores"]);
    match unit {
        "m" if is_processor => Some(Value::Number(number / 1_000.0)),
        "m" if is_memory => Some(Value::Size(number * 1e6)),
        "%" => Some(Value::Share(number)),
        _ => match (seconds(unit), bytes(unit)) {
            (Some(factor), _) => Some(Value::Duration(number * factor)),
            (None, Some(factor)) => Some(Value::Size(number * factor)),
            // A rate, `100/m` or `10r/s`: by the second.
            _ => rate(number, unit).map(Value::Number),
        },
    }
}

/// `100/m`, `10r/s`, `5/minute`: how many in a second.
fn rate(number: f64, unit: &str) -> Option<f64> {
    let (what, per) = unit.split_once('/')?;
    seconds(per).filter(|_| matches!(what, "" | "r" | "req" | "requests")).map(|seconds| number / seconds)
}

/// `Duration.ofSeconds(5)`, `TimeUnit.SECONDS.toMillis(5)`, `timedelta(seconds=5)`, `5.minutes`, `5.seconds.ago`.
fn duration_call(text: &str) -> Option<(f64, Option<String>)> {
    if let Some((number, rest)) = text.split_once('.')
        && let Ok(number) = number.trim().parse::<f64>()
    {
        let unit = rest.split('.').next().unwrap_or(rest).to_ascii_lowercase();
        return seconds(&unit).map(|_| (number, Some(unit)));
    }
    let (callee, arguments) = text.strip_suffix(')')?.split_once('(')?;
    let last = callee.rsplit(['.', ':']).next()?.to_ascii_lowercase();
    let unit = last.strip_prefix("of").or(last.strip_prefix("from_")).or(last.strip_prefix("from")).unwrap_or(&last);
    let unit = unit.trim_start_matches('_').trim_end_matches("_f32").trim_end_matches("_f64");
    if let Some(number) = literal_number(arguments).filter(|_| seconds(unit).is_some()) {
        return Some((number, Some(unit.to_owned())));
    }
    let (unit, number) = arguments.split_once(['=', ':'])?;
    let unit = unit.trim().to_ascii_lowercase();
    (last == "timedelta" && seconds(&unit).is_some()).then(|| Some((literal_number(number)?, Some(unit))))?
}

fn literal_number(text: &str) -> Option<f64> {
    text.trim().trim_end_matches(['L', 'l', 'u', 'f']).replace('_', "").parse().ok()
}

/// `60 * 60`, `10 * time.Second`, `1 << 20`: the product, and the unit if one of its factors is a unit.
fn product(text: &str) -> Option<(f64, Option<String>)> {
    let mut number = 1.0;
    let mut unit = None;
    for factor in text.split('*').map(str::trim) {
        if let Some(literal) = literal_number(factor) {
            number *= literal;
        } else if let Some((base, by)) = factor.split_once("<<") {
            number *= literal_number(base)? * 2f64.powf(literal_number(by)?);
        } else if let Some(literal) = wrapped(factor).and_then(literal_number) {
            number *= literal;
        } else {
            // Units are constants, `time.Minute`; in `settings.days` the number itself is not known.
            let name = factor.rsplit(['.', ':']).next().filter(|name| name.starts_with(char::is_uppercase))?;
            let name = name.to_ascii_lowercase();
            seconds(&name).filter(|_| unit.is_none() && name.len() > 1)?;
            unit = Some(name);
        }
    }
    Some((number, unit))
}

/// `10.0.0.0/8`, `::/0`, or one address.
fn network(text: &str) -> Option<Value> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv6() { 128 } else { 32 };
    let prefix = prefix.map_or(Some(most), |prefix| prefix.parse().ok()).filter(|prefix| *prefix <= most)?;
    Some(Value::Network { text: text.to_owned(), is_v6: address.is_ipv6(), prefix })
}

/// Whether two schedules of cron are the same: `@daily` and `0 0 * * *`, `SUN` and `0`, `*/1` and `*`.
pub(super) fn is_same_schedule(a: &str, b: &str) -> bool {
    schedule(a).is_some_and(|a| schedule(b) == Some(a))
}

/// The five fields of a schedule; none if the text is something else.
fn schedule(text: &str) -> Option<Vec<String>> {
    let lower = text.trim().to_ascii_lowercase();
    let said = match lower.as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        said => said,
    };
    let fields: Vec<&str> = said.split_whitespace().collect();
    let is_field = |field: &&str| field.bytes().all(|b| b.is_ascii_alphanumeric() || b"*/,-#?".contains(&b));
    (fields.len() == 5 && fields.iter().all(is_field)).then(|| fields.into_iter().map(plain_field).collect())
}

/// A field of a schedule with numbers for names.
fn plain_field(field: &str) -> String {
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let number = |part: &str| {
        let day = DAYS.iter().position(|name| *name == part);
        let month = || MONTHS.iter().position(|name| *name == part).map(|at| at + 1);
        let number = || part.parse::<usize>().ok();
        day.or_else(month).or_else(number).map_or_else(|| part.to_owned(), |number| number.to_string())
    };
    let parts = field.split_inclusive([',', '-', '/']).map(|part| {
        let name = part.trim_end_matches([',', '-', '/']);
        number(name) + &part[name.len()..]
    });
    let field: String = parts.collect();
    if matches!(field.as_str(), "*/1" | "?") { "*".to_owned() } else { field }
}

/// Words of keys whose value is a maximum: for these, null or `-1` means no limit.
const LIMITS: &[&str] = &[
    "attempts",
    "attempt",
    "backoff",
    "budget",
    "burst",
    "concurrency",
    "connections",
    "deadline",
    "expiry",
    "inflight",
    "limit",
    "limits",
    "max",
    "maximum",
    "pool",
    "quota",
    "rate",
    "ratelimit",
    "retries",
    "retry",
    "throttle",
    "timeout",
    "ttl",
    "stop",
];

/// Words of keys whose value says how long something takes or lasts.
const TIMES: &[&str] = &[
    "after",
    "age",
    "backoff",
    "cooldown",
    "deadline",
    "delay",
    "duration",
    "expiration",
    "expire",
    "expires",
    "expiry",
    "grace",
    "interval",
    "keepalive",
    "lag",
    "lease",
    "lifetime",
    "lifespan",
    "period",
    "retention",
    "rotation",
    "timeout",
    "timespan",
    "ttl",
    "validity",
    "wait",
];

/// Whether the value of a key is how long something takes or lasts.
fn is_of_time(key: &str) -> bool {
    words(key).iter().any(|word| TIMES.contains(&word.as_str()))
}

/// Whether the value of a key is a maximum.
pub(in crate::risk) fn is_limit(key: &str) -> bool {
    words(key).iter().any(|word| LIMITS.contains(&word.as_str()))
}

/// The words of the last part of a key: `http.maxAttempts`, `max_attempts`, `MAX-ATTEMPTS` have `max`, `attempts`.
pub(in crate::risk) fn words(key: &str) -> Vec<String> {
    let last = key.trim_end_matches("[]").rsplit('.').next().unwrap_or(key);
    let mut words: Vec<String> = Vec::new();
    let mut before = '_';
    for c in last.chars() {
        let begins = c.is_alphanumeric() && (!before.is_alphanumeric() || c.is_uppercase() && before.is_lowercase());
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words
}

fn plain(number: f64) -> String {
    let rounded = (number * 1_000.0).round() / 1_000.0;
    rounded.to_string()
}

fn say_duration(seconds: f64) -> String {
    let units = [("d", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0)];
    let whole = |(_, size): &&(&str, f64)| seconds >= *size && seconds % size == 0.0;
    match units.iter().find(whole) {
        Some((name, size)) => format!("{} {name}", plain(seconds / size)),
        None if seconds.abs() < 1.0 => format!("{} ms", plain(seconds * 1_000.0)),
        None => format!("{} s", plain(seconds)),
    }
}

fn say_size(size: f64) -> String {
    let units =
        [("GiB", 1_073_741_824.0), ("GB", 1e9), ("MiB", 1_048_576.0), ("MB", 1e6), ("KiB", 1_024.0), ("kB", 1e3)];
    let whole = |(_, unit): &&(&str, f64)| size >= *unit && size % unit == 0.0;
    units
        .iter()
        .find(whole)
        .map_or_else(|| format!("{} bytes", plain(size)), |(name, unit)| format!("{} {name}", plain(size / unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_its_text_stands_for_however_it_is_spelled() {
        let rows: &[(&str, &str, &str, &str)] = &[
            ("timeout", "1000ms", "timeout", "1s"),
            ("timeout", "60", "timeoutSeconds", "60s"),
            ("timeout_ms", "5000", "timeout", "5s"),
            ("timeout", "10 * time.Second", "timeout", "10s"),
            ("timeout", "time.Minute", "timeout", "60s"),
            ("connectTimeout", "Duration.ofSeconds(5)", "timeout", "5s"),
            ("timeout", "Duration::from_millis(1_500)", "timeout", "1.5s"),
            ("timeout", "timedelta(minutes=2)", "timeout", "2m"),
            ("timeout", "5.minutes", "timeout", "\"5m\""),
            ("retries", "None", "retries", "-1"),
            ("memory", "1Gi", "memory", "1024Mi"),
            ("cpu", "500m", "cpu", "0.5"),
            ("ttl", "60 * 60", "ttl", "3600"),
            ("timeout", "config.http.timeoutMs ?? 8_000", "timeout", "8000"),
            ("replicas", "ptr.To(3)", "replicas", "3"),
            ("timeout", "1m30s", "timeout", "90s"),
            ("ttl", "720h0m0s", "ttl", "30d"),
            ("timeout", "5min 30s", "timeout", "330"),
            ("timeout", "1h0m0.5s", "timeout", "3600.5s"),
            ("timeout", "PT30M", "timeout", "30m"),
            ("retention", "P1DT12H", "retention", "36h"),
            ("retention", "\"P1M\"", "retention", "30d"),
            ("timeout", "PT0.5S", "timeout", "500ms"),
            ("Timeout", "\"00:05:00\"", "timeout", "5m"),
            ("Timeout", "1.00:00:30.5", "timeout", "86430.5s"),
            ("expires", "never", "expires", "unlimited"),
        ];
        for (key, text, other_key, other) in rows {
            let (value, other) = (Value::of(text, key), Value::of(other, other_key));
            let same = value.amount().is_some() && value.amount() == other.amount();
            assert!(same, "{key} = {text}: {value:?}, {other:?}");
        }
    }

    #[test]
    fn a_schedule_is_the_same_in_names_and_numbers() {
        let same = [
            ("@daily", "0 0 * * *"),
            ("0 1 * * SUN", "0 1 * * 0"),
            ("*/1 * * * *", "* * * * *"),
            ("05 3 * jan *", "5 3 * 1 *"),
        ];
        same.iter().for_each(|(a, b)| assert!(is_same_schedule(a, b), "{a}, {b}"));
        let other =
            [("@daily", "@weekly"), ("0 1 * * *", "0 2 * * *"), ("every 5 m", "every 5 m"), ("0 1 * * 1", "0 1 1 * *")];
        other.iter().for_each(|(a, b)| assert!(!is_same_schedule(a, b), "{a}, {b}"));
    }

    #[test]
    fn what_is_no_quantity_stays_a_text_and_what_is_not_known_an_expression() {
        assert_eq!(Value::of("\"5 apples and pears\"", "note"), Value::Text("5 apples and pears".to_owned()));
        assert_eq!(Value::of("compute(x)", "timeout"), Value::Expression("compute(x)".to_owned()));
        assert_eq!(Value::of("null", "name"), Value::Text("null".to_owned()));
        assert_eq!(Value::of("never", "restart"), Value::Text("never".to_owned()));
        for text in ["05:00:00", "30s1m", "1m1m", "P", "PT", "P30", "p4d", "1h30", "5 days ago", "1:00:00"] {
            assert_eq!(Value::of_text(text, "start"), Value::Text(text.to_owned()), "{text}");
        }
        assert_eq!(Value::of("'yes'", "x"), Value::Bool(true));
        assert!(matches!(Value::of("10.0.0.0/8", "cidr"), Value::Network { prefix: 8, .. }));
        assert_eq!(Value::of("var.days", "retention"), Value::Expression("var.days".to_owned()));
    }
}
