using System.Text.Json.Nodes;

namespace Qanat.Cli.Demo.Tunnel;

/// <summary>What the asking platform found through the tunnel, beside what is true.</summary>
/// <param name="Found">The platform's own JSON.</param>
/// <param name="TrueSize">Size of the intersection, from both tables in the clear.</param>
/// <param name="TrueSum">Sum of the serving side's numbers over it.</param>
internal sealed record JsonRun(JsonNode Found, int TrueSize, long TrueSum)
{
    /// <summary>Adds the run to a report: sizes and sums must equal the truth and no request may have failed.</summary>
    public void AddTo(ActReport report)
    {
        report.Check("intersectionSize", (int)Found["size"]!, TrueSize);
        report.Check("intersectionSum", (long)Found["sum"]!, TrueSum);
        report.Note("truthSize", TrueSize);
        report.Note("truthSum", TrueSum);
        report.Note("requests", (long)Found["requests"]!);
        report.Check("failedRequests", (long)Found["failedRequests"]!, 0);
        report.Note("bytes", (long)Found["bytesSent"]! + (long)Found["bytesReceived"]!);
        report.Note("runSeconds", (double)Found["seconds"]!);
        report.Require((bool)Found["ok"]!, $"the asking platform failed: {(string?)Found["error"]}");
    }
}
