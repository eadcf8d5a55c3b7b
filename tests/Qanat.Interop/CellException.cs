namespace Qanat.Interop;

/// <summary>A connection that was made but did not do what its cell asks for.</summary>
internal sealed class CellException(string message) : Exception(message);
