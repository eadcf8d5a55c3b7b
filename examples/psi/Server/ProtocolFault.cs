namespace Psi.Server;

/// <summary>A request that the protocol refuses: the HTTP status, a stable code and a line for a person.</summary>
internal sealed class ProtocolFault(int status, string code, string message) : Exception(message)
{
    internal int Status { get; } = status;

    internal string Code { get; } = code;

    internal static ProtocolFault Malformed(string message) => new(StatusCodes.Status400BadRequest, "malformed", message);

    internal static ProtocolFault Conflict(string message) => new(StatusCodes.Status409Conflict, "out-of-order", message);

    internal static ProtocolFault NotFound(string message) => new(StatusCodes.Status404NotFound, "unknown", message);
}
