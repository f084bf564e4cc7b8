pub mod change;
pub mod datafile;
pub mod decision;
pub mod record;
