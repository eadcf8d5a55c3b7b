using System.ComponentModel;
using System.Diagnostics;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Qanat.Node.Tests.Fakes;

namespace Qanat.Node.Tests;

[Trait("Kind", "Interop")]
public sealed class CurlTests
{
    [Theory]
    [InlineData("-x", "http://127.0.0.1:{0}")]
    [InlineData("-x", "http://127.0.0.1:{0}", "--proxytunnel")]
    [InlineData("--socks5-hostname", "127.0.0.1:{0}")]
    [InlineData("--http2-prior-knowledge", "--connect-to", "::127.0.0.1:{0}")]
    [InlineData("--http1.0", "-x", "http://127.0.0.1:{0}")]
    public async Task Curl_gets_an_answer(params string[] arguments)
    {
        await using Backend backend = await Backend.StartAsync(Backend.MapEcho, HttpProtocols.Http1);
        await using NodePair pair = await NodePair.StartAsync(backend);
        var start = new ProcessStartInfo("curl") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["-sS", "--noproxy", "", "--max-time", "120", "-d", "from curl", .. arguments, "http://echo.bob.qanat/path"])
        {
            start.ArgumentList.Add(argument.Replace("{0}", $"{pair.Port}", StringComparison.Ordinal));
        }
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            Assert.Skip("curl is not installed.");
            return;
        }
        using (process)
        {
            string output = await process.StandardOutput.ReadToEndAsync();
            string errors = await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, errors);
            Assert.Equal("from curl", output);
        }
    }
}
