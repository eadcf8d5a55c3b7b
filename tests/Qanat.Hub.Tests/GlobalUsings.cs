global using Qanat.Wire;
global using Xunit;
