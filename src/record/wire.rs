//! The one building block of SSH's formats (RFC 4251, section 5): a byte string with its length before it.

/// Appends `str(field)`: a big-endian uint32 length, then the bytes.
pub fn put(out: &mut Vec<u8>, field: &[u8]) {
    out.extend_from_slice(&(field.len() as u32).to_be_bytes());
    out.extend_from_slice(field);
}

/// Takes one `str` off the front; `None` if the bytes end before it does.
pub fn take<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (len, after) = rest.split_first_chunk::<4>()?;
    let (field, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    *rest = after;
    Some(field)
}
