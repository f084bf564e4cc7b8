pub mod change;
pub mod datafile;
